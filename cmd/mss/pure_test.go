package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/multiselect/multiselect"
)

func TestNearest(t *testing.T) {
	for _, c := range []struct {
		refused, offered string // offered: separated by spaces
		want, differs    string
	}{
		{"/echo/2.0.0", "/time/1.0.0 /echo/1.0.0", "/echo/1.0.0", "the version"},
		{"/echo/2.0.0", "/echo/1.0.0 /ecko/2.0.0", "/echo/1.0.0", "the version"},
		{"/echo/2.1.0", "/echo/1.0.0 /echo/2.0.0", "/echo/2.0.0", "the version"},
		{"/echo/v2", "/echo/v1", "/echo/v1", "the version"},
		{"echo/1.0.0", "/echo/1.0.0 /echo/1.0.1", "/echo/1.0.0", "the leading slash"},
		{"/Echo/1.0.0", "/echo/1.0.0", "/echo/1.0.0", "upper and lower case"},
		{"/ehco/1.0.0", "/echo/1.0.0", "/echo/1.0.0", "its spelling"},
		{"/echo/1.0.0", "/time/1.0.0", "", ""},
		{"/ehco", "/time /echo", "", ""}, // two of four letters
		{"/ecko", "/time /echo", "/echo", "its spelling"},
		{"/a", "/b", "", ""},
		{"/a/1.0.0", "/b/1.0.0", "", ""},
		{"/1", "/2", "", ""},
		{"/echo", "/time/1.0.0 /echo/1.0.0", "/echo/1.0.0", "the version"},
		{"echo", "/time/1.0.0 /echo/1.0.0", "/echo/1.0.0", "the leading slash and the version"},
		{"/echo/1.0.0 ", "/echo/1.0.0", "/echo/1.0.0", "the blanks at the end"},
		{"/echo/1.0.0", "", "", ""},
	} {
		got := nearest([]string{c.refused}, strings.Fields(c.offered))
		switch {
		case got == nil && c.want == "":
		case got == nil || got.offered != c.want || got.differs != c.differs:
			t.Errorf("nearest(%s, %s) = %+v, want %s, %s", c.refused, c.offered, got, c.want, c.differs)
		}
	}
}

func TestEditDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"", "", 0},
		{"", "abc", 3},
		{"abc", "", 3},
		{"abc", "abc", 0},
		{"kitten", "sitting", 3},
		{"ab", "ba", 2},
		{"flaw", "lawn", 2},
	} {
		if got := editDistance(c.a, c.b); got != c.want {
			t.Errorf("editDistance(%q, %q) = %d, want %d", c.a, c.b, got, c.want)
		}
	}
}

func TestParseRoute(t *testing.T) {
	for _, c := range []struct{ in, protocol, kind, argument string }{
		{"/a=echo", "/a", "echo", ""},
		{"/a=b/1=echo", "/a=b/1", "echo", ""},
		{"/a=echo/1=time", "/a=echo/1", "time", ""},
		{"/a=static:", "/a", "static", ""},
		{"/a=static:x=echo", "/a", "static", "x=echo"},
		{"/a=b=static:x=y", "/a=b", "static", "x=y"},
		{"/a=exec:FOO=1 env", "/a", "exec", "FOO=1 env"},
		{"/a=tcp:[::1]:80", "/a", "tcp", "[::1]:80"},
		{"/a", "", "", ""},
		{"/a=", "", "", ""},
		{"/a=echoes", "", "", ""},
		{"/a=exec", "", "", ""},
		{"/a=exec:", "", "", ""},
		{"/a=tcp:80", "", "", ""},
		{"/a=tcp:h:70000", "", "", ""},
	} {
		r, err := parseRoute(c.in)
		if (err != nil) != (c.kind == "") || r != (route{c.protocol, target{c.kind, c.argument}}) {
			t.Errorf("parseRoute(%q) = %+v, %v", c.in, r, err)
		}
		if err != nil && exitCode(err) != exitUsage {
			t.Errorf("parseRoute(%q): code %d", c.in, exitCode(err))
		}
	}
}

const somePeer = "12D3KooWSGQUZeg8iSrmfMHMF4XmqfPrhXDpk7KjJyhN9qEZfRPg"

func TestParseAddress(t *testing.T) {
	for in, want := range map[string]string{
		"127.0.0.1:4001":       "127.0.0.1:4001",
		"tcp://127.0.0.1:4001": "127.0.0.1:4001",
		"tcp://[::1]:4001":     "[::1]:4001",
		":4001":                ":4001",
		"unix:/run/a b.sock":   "unix:/run/a b.sock",
		"unix:rel":             "unix:rel",
		"":                     "", "host": "", "host:": "host:", "host:99999": "", "unix:": "",
		"tls://h:1": "tls://h:1", "quic://[::1]:1": "quic://[::1]:1", "yamux://h:1": "yamux://h:1",
		"http://x": "", "tcp://": "", "tls://h": "", "quic://": "",
		"/ip4/1.2.3.4/tcp/1":                  "/ip4/1.2.3.4/tcp/1",
		"/ip6/::1/udp/1/quic-v1":              "/ip6/::1/udp/1/quic-v1",
		"/dns4/h/tcp/1/p2p/" + somePeer:       "/dns4/h/tcp/1/p2p/" + somePeer,
		"/ip4/1.2.3.4/tcp/1/ipfs/" + somePeer: "/ip4/1.2.3.4/tcp/1/p2p/" + somePeer,
		"/ip4/1.2.3.4":                        "", "/ip4/1.2.3.4/udp/1": "", "/ip4/1.2.3.4/tcp/1/ws": "", "/tcp/1": "",
		"/ip4/1.2.3.4/tcp/1/p2p/x": "", "/unix/x": "", "/": "", "/p2p/" + somePeer: "",
		"/ip4/1.2.3.4/tcp/1/p2p/" + somePeer + "/p2p-circuit": "",
	} {
		a, err := parseAddress(in)
		if (err != nil) != (want == "") || err == nil && a.String() != want {
			t.Errorf("parseAddress(%q) = %v, %v; want %q", in, a, err, want)
		}
		if err != nil && exitCode(err) != exitUsage {
			t.Errorf("parseAddress(%q): code %d", in, exitCode(err))
		}
	}
}

func TestExitCode(t *testing.T) {
	negotiation := func(err error) error {
		return &multiselect.Error{Role: multiselect.Initiator, Err: err}
	}
	reading := func(err error) error { return negotiation(&multiselect.CommunicatorError{Op: "read", Err: err}) }
	operation := &net.OpError{Op: "read", Err: os.NewSyscallError("read", syscall.EHOSTUNREACH)}
	for _, c := range []struct {
		err  error
		want int
	}{
		{nil, 0},
		{usagef("x"), exitUsage},
		{negotiation(multiselect.ErrInvalidName), exitUsage},
		{&connectError{operation}, exitConnect},
		{&connectError{context.DeadlineExceeded}, exitTimeout},
		{&connectError{errInterrupted}, exitInterrupted},
		{negotiation(os.ErrDeadlineExceeded), exitTimeout},
		{negotiation(context.DeadlineExceeded), exitTimeout},
		{negotiation(errInterrupted), exitInterrupted},
		{negotiation(multiselect.ErrNotMultistream), exitViolation},
		{negotiation(multiselect.ErrUnexpectedAnswer), exitViolation},
		{reading(multiselect.ErrTooLarge), exitViolation},
		{reading(multiselect.ErrMalformed), exitViolation},
		{reading(io.EOF), exitClosed},
		{reading(io.ErrUnexpectedEOF), exitClosed},
		{reading(operation), exitClosed},
		{negotiation(multiselect.ErrGaveUp), exitClosed},
		{negotiation(fmt.Errorf("%w: %w", multiselect.ErrGaveUp, multiselect.ErrMalformed)), exitClosed},
		{negotiation(multiselect.ErrNotSupported), exitRefused},
		{local("x", io.EOF), exitLocal},
		{fmt.Errorf("wrapped: %w", local("x", io.EOF)), exitLocal},
		{errors.New("who knows"), exitInternal},
	} {
		if got := exitCode(c.err); got != c.want {
			t.Errorf("exitCode(%v) = %d, want %d", c.err, got, c.want)
		}
	}
}

func TestShellQuote(t *testing.T) {
	for in, want := range map[string]string{
		"/echo/1.0.0": "/echo/1.0.0",
		"/a b":        "'/a b'",
		"/it's":       `'/it'\''s'`,
		"$(reboot)":   "'$(reboot)'",
		"--help":      "",
		"/\x1b[2J":    "",
		"/a\n/b":      "",
	} {
		if got := shellQuote(in); got != want {
			t.Errorf("shellQuote(%q) = %s, want %s", in, got, want)
		}
	}
}

func TestRefusedIn(t *testing.T) {
	got := refusedIn([]byte(`> /multistream/1.0.0
> ls
> /a
< /multistream/1.0.0
<
    /x
< na
> /b
< na
> /x
< /x
`))
	if !slices.Equal(got, []string{"/a", "/b"}) {
		t.Errorf("got %q", got)
	}
}

func TestSetColor(t *testing.T) {
	unset := func(string) string { return "" }
	s := &stdio{out: io.Discard, err: io.Discard}
	if s.setColor("auto", unset); s.outColor || s.errColor {
		t.Error("auto: colour, but no terminal")
	}
	if s.setColor("always", func(string) string { return "1" }); !s.outColor || !s.errColor {
		t.Error("always: no colour")
	}
	if s.setColor("never", unset); s.outColor || s.errColor {
		t.Error("never: colour")
	}
	if err := s.setColor("mauve", unset); exitCode(err) != exitUsage {
		t.Errorf("mauve: %v", err)
	}
}
