package attempt

import (
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/multiselect/multiselect/internal/streamtest"

	"github.com/multiselect/multiselect/netmux"

	"github.com/multiselect/multiselect/cmd/mss/internal/exit"
)

// explained returns what is said about an attempt, with PEER for the address of the peer.
func explained(a *Attempt) string {
	text := explain(a).String()
	text = strings.ReplaceAll(text, a.Peer.String(), "PEER")
	return strings.ReplaceAll(text, a.Peer.Address.Where, "PEER")
}

// fresh returns an attempt to agree on protocols.
func fresh(p *Peer, protocols ...string) *Attempt {
	return &Attempt{Peer: p, Live: io.Discard, Protocols: protocols}
}

// explanations are those of attempts that fail.
var explanations = []struct {
	name  string
	talk  func(conn *net.TCPConn)
	code  int
	wants string // without the line "proposed"
}{
	{"hangs up", leaves(""), exit.Closed, `PEER ended the connection: it hung up before it sent anything
  stage     waiting for the header
  answered  nothing, not even the header
  fault     unknown: the peer's or the network's
  next      if it answers sometimes, it is full; if never, it may want TLS or noise first; its log may tell which
`},
	{"hangs up after the header", leaves(header), exit.Closed, `PEER ended the connection: it hung up before it had answered
  stage     waiting for the answer to /x
  answered  nothing to /x
  fault     unknown: the peer's or the network's
  next      its log may say why
`},
	{"another header", says("\x13/multistream/2.0.0\n"), exit.Violation, `PEER broke the protocol: it answered "/multistream/2.0.0" in place of the header
  stage     waiting for the header
  answered  "/multistream/2.0.0" in place of the header
  fault     the peer's
  next      the peer speaks another version of multistream-select; this mss speaks /multistream/1.0.0
`},
	{"SSH", leaves("SSH-2.0-OpenSSH_9.9\r\n"), exit.Violation, `PEER broke the protocol: it answered the bytes "SSH-2.0-OpenSSH_9.9\r\n" in place of the header
  stage     waiting for the header
  answered  the bytes "SSH-2.0-OpenSSH_9.9\r\n" in place of the header
  fault     the peer's
  next      this is an SSH server: check the port
`},
	{"a TLS alert", leaves("\x15\x03\x01\x00\x02\x02\x32"), exit.Violation, `PEER broke the protocol: it answered the bytes "\x15\x03\x01\x00\x02\x022" in place of the header
  stage     waiting for the header
  answered  the bytes "\x15\x03\x01\x00\x02\x022" in place of the header
  fault     the peer's
  next      this is a TLS server: write --to tls://PEER
`},
	{"another answer", says(header + "\x03/y\n"), exit.Violation, `PEER broke the protocol: it answered "/y" to /x
  stage     waiting for the answer to /x
  answered  "/y" to /x
  fault     the peer's
  next      tell the peer's authors; run it again with -v for the whole transcript
`},
	{"an answer for a terminal", says(header + "\x07\x1b[2J/y\n"), exit.Violation, `PEER broke the protocol: it answered "\x1b[2J/y" to /x
  stage     waiting for the answer to /x
  answered  "\x1b[2J/y" to /x
  fault     the peer's
  next      tell the peer's authors; run it again with -v for the whole transcript
`},
	{"too much", says(header + "\xff\x7f"), exit.Violation, `PEER broke the protocol: its answer to /x is too large: 16383 bytes announced, 1024 allowed
  stage     waiting for the answer to /x
  answered  the bytes "\xff\x7f" to /x
  fault     the peer's
  next      tell the peer's authors; run it again with -v for the whole transcript
`},
}

// Each way in which a peer fails to agree is explained: how far the attempt came, what
// was answered, whose fault it is, and what to do next.
func TestExplain(t *testing.T) {
	for _, c := range explanations {
		t.Run(c.name, func(t *testing.T) {
			a := fresh(scripted(t, c.talk), "/x")
			if conn := a.Negotiate(t.Context()); conn != nil {
				t.Fatal("agreed")
			}
			want := strings.Replace(c.wants, "\n  answered", "\n  proposed  /x\n  answered", 1)
			if got := explained(a); got != want || exit.Code(a.Err) != c.code {
				t.Errorf("exit code %d, %v\ngot\n%swant\n%s", exit.Code(a.Err), a.Err, got, want)
			}
		})
	}
}

// refusals are the explanations of attempts that are refused.
var refusals = []struct {
	name    string
	offered []string
	asked   string
	want    string
}{
	{"a version", []string{"/echo/1.0.0", "/time/1.0.0"}, "/echo/2.0.0", `nothing in common: PEER refused /echo/2.0.0
  stage     all proposals refused
  proposed  /echo/2.0.0
  answered  na to /echo/2.0.0
  offers    /echo/1.0.0, /time/1.0.0
  nearest   /echo/1.0.0 differs from /echo/2.0.0 in the version
  fault     nobody's: a refusal is a normal answer
  next      mss dial --to PEER /echo/1.0.0
`},
	{"nothing near", []string{"/time/1.0.0"}, "/chat", `nothing in common: PEER refused /chat
  stage     all proposals refused
  proposed  /chat
  answered  na to /chat
  offers    /time/1.0.0
  fault     nobody's: a refusal is a normal answer
  next      propose one of what it offers
`},
	{"a name that no shell can show", []string{"/chat/\x1b[2J"}, "/chat/\x1b[2K", `nothing in common: PEER refused "/chat/\x1b[2K"
  stage     all proposals refused
  proposed  "/chat/\x1b[2K"
  answered  na to "/chat/\x1b[2K"
  offers    "/chat/\x1b[2J"
  nearest   "/chat/\x1b[2J" differs from "/chat/\x1b[2K" in its spelling
  fault     nobody's: a refusal is a normal answer
  next      propose one of what it offers
`},
	{"libp2p below", []string{"/noise"}, "/chat", `nothing in common: PEER refused /chat
  stage     all proposals refused
  proposed  /chat
  answered  na to /chat
  offers    /noise
  fault     nobody's: a refusal is a normal answer
  next      its streams are inside a security protocol: mss dial --to MULTIADDR /chat
`},
	{"nothing", nil, "/chat", `nothing in common: PEER refused /chat
  stage     all proposals refused
  proposed  /chat
  answered  na to /chat
  offers    nothing
  fault     nobody's: a refusal is a normal answer
  next      register a protocol there: it offers nothing
`},
}

// A refusal is explained with the names that the peer offers.
func TestExplainRefused(t *testing.T) {
	for _, c := range refusals {
		t.Run(c.name, func(t *testing.T) {
			a := fresh(serve(t, "127.0.0.1:0", host{}, echoes(t, c.offered...)), c.asked)
			a.Negotiate(t.Context())
			_, port, _ := strings.Cut(a.Peer.Address.Where, ":")
			got := strings.ReplaceAll(explained(a), "/ip4/127.0.0.1/tcp/"+port, "MULTIADDR")
			if got != c.want || exit.Code(a.Err) != exit.Refused {
				t.Errorf("exit code %d, got\n%swant\n%s", exit.Code(a.Err), got, c.want)
			}
		})
	}
}

// A peer that has no list is asked for other names with probe.
func TestExplainNoList(t *testing.T) {
	srv := echoes(t, "/echo")
	srv.Muxer.NoList = true
	p := serve(t, "127.0.0.1:0", host{}, srv)
	a := fresh(p, "/x")
	a.Negotiate(t.Context())
	want := `nothing in common: PEER refused /x
  stage     all proposals refused
  proposed  /x
  answered  na to /x
  offers    unknown: it does not answer ls with a list
  fault     nobody's: a refusal is a normal answer
  next      try other names or versions: mss probe --to PEER /NAME/VERSION ...
`
	if got := explained(a); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	a = fresh(p)
	a.Ask(t.Context())
	want = `PEER does not list its protocols
  stage     waiting for the list
  answered  na to ls
  offers    unknown: it does not answer ls with a list
  fault     nobody's: a refusal is a normal answer
  next      ask for names that it may speak: mss probe --to PEER /NAME/1.0.0
`
	if got := explained(a); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// A connection that ends after a refusal may be that of a peer which allows one proposal.
func TestExplainOneShot(t *testing.T) {
	p := scripted(t, func(conn *net.TCPConn) {
		readUntil(conn, "/x\n")
		io.WriteString(conn, header+"\x03na\n")
		readUntil(conn, "/y\n")
		conn.CloseWrite()
		io.Copy(io.Discard, conn)
	})
	a := fresh(p, "/x", "/y")
	a.Negotiate(t.Context())
	want := `PEER ended the connection: it hung up before it had answered
  stage     waiting for the answer to /y
  proposed  /x, /y
  answered  na to /x; nothing to /y
  fault     unknown: the peer's or the network's
  next      it may allow a single proposal: mss dial --to PEER /y
`
	if got := explained(a); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// A timeout tells what was waited for.
func TestExplainTimeout(t *testing.T) {
	for _, c := range []struct {
		sent, line, want string
	}{
		{"", "> /x", `timed out after 1h0m0s waiting for the header (PEER)
  stage     waiting for the header
  proposed  /x
  answered  nothing, not even the header
  fault     the peer's or the network's: too slow, or waiting for something else
  next      allow more time with --timeout, or check that nothing (TLS, noise) has to come before multistream-select
`},
		{header, "< /multistream/1.0.0", `timed out after 1h0m0s waiting for the answer to /x (PEER)
  stage     waiting for the answer to /x
  proposed  /x
  answered  nothing to /x
  fault     the peer's or the network's: too slow, or waiting for something else
  next      allow more time with --timeout, or look into the peer's log: it has not answered
`},
	} {
		ctx := newDeadline(t)
		a := fresh(scripted(t, says(c.sent)), "/x")
		a.Timeout, a.Live = time.Hour, &watcher{line: c.line, then: ctx.expire}
		a.Negotiate(ctx)
		if got := explained(a); got != c.want || exit.Code(a.Err) != exit.Timeout {
			t.Errorf("exit code %d, %v\ngot\n%swant\n%s", exit.Code(a.Err), a.Err, got, c.want)
		}
	}
}

// A connection that cannot be made is explained by what is known about the address.
func TestExplainConnect(t *testing.T) {
	closed := streamtest.Listen(t, "tcp")
	closed.Close()
	web := scripted(t, func(conn *net.TCPConn) {
		conn.Read(make([]byte, 4096)) // the ClientHello
		io.WriteString(conn, "HTTP/1.1 400 Bad Request\r\n\r\n")
		io.Copy(io.Discard, conn)
	})
	silent := scripted(t, func(conn *net.TCPConn) { conn.Read(make([]byte, 4096)) })
	tls := serve(t, "tls://127.0.0.1:0", host{}, echoes(t, "/x"))
	libp2p := serve(t, "/ip4/127.0.0.1/tcp/0", host{}, echoes(t, "/x"))
	other := serve(t, "/ip4/127.0.0.1/tcp/0", host{}, echoes(t, "/x"))
	id := libp2p.Address.ID.String()
	for _, c := range []struct {
		name, where, says, next string
	}{
		{"nothing", closed.Addr().String(), "connection refused", "nothing listens there: check the address, or start a responder with mss serve --listen " + closed.Addr().String()},
		{"no socket", "unix:/nowhere/s", "no such file or directory", "nothing listens there: check the address, or start a responder with mss serve --listen unix:/nowhere/s"},
		{"a path for no shell", "unix:/nowhere/\x1b", "no such file or directory", "nothing listens there: check the address, or start a responder with mss serve --listen"},
		{"a folder", "unix:" + t.TempDir(), "connection refused", "nothing listens there"},
		{"no TLS", "tls://" + web.Address.Where, "tls: first record does not look like a TLS handshake", "it does not speak TLS: write --to " + web.Address.Where},
		{"the end in place of TLS", "tls://" + silent.Address.Where, "", "it ends the connection before TLS is set up: it may not speak it: try --to " + silent.Address.Where},
		{"an unknown certificate", tls.Address.String(), "certificate", "if that is the peer you mean: --pin " + tls.trust.Pin + "; else --ca FILE or --insecure"},
		{"another peer", strings.Replace(other.Address.String(), other.Address.ID.String(), id, 1), "/noise: another peer answers there", "it is another peer, with another key"},
	} {
		a := fresh(peerAt(t, c.where), "/x")
		a.Negotiate(t.Context())
		x := explain(a)
		if exit.Code(a.Err) != exit.Connect || !strings.HasPrefix(x.summary, "cannot connect to ") || !strings.Contains(x.summary, c.says) || !strings.HasPrefix(x.next, c.next) {
			t.Errorf("%s: exit code %d\n%s", c.name, exit.Code(a.Err), x)
		}
		if text := x.String(); strings.Contains(text, "proposed") || !strings.Contains(text, "  fault     not the protocol's: nothing was sent\n") {
			t.Errorf("%s:\n%s", c.name, text)
		}
	}
}

// A step below the streams that fails is explained as a negotiation of its own.
func TestExplainSteps(t *testing.T) {
	for _, c := range []struct{ step, offered, says, next string }{
		{"security", "/plaintext/2.0.0", "security: nothing in common: PEER refused /noise, /tls/1.0.0\n  stage     security, all proposals refused\n", "it offers no security protocol: it may be reached without one, with --to PEER"},
		{"muxer", "/mplex/6.7.0", "muxer: nothing in common: PEER refused /yamux/1.0.0\n  stage     muxer, all proposals refused\n", "mss speaks /yamux/1.0.0 and no other muxer: ask the peer's owner for it"},
	} {
		h := host{protocols: map[string][]string{c.step: {c.offered}}}
		a := fresh(serve(t, "/ip4/127.0.0.1/tcp/0", h, new(netmux.Server)), "/x")
		a.Negotiate(t.Context())
		got := explained(a)
		if !strings.HasPrefix(got, c.says) || !strings.Contains(got, "  offers    "+c.offered+"\n") || !strings.HasSuffix(got, "  next      "+c.next+"\n") {
			t.Errorf("%s: got\n%s", c.step, got)
		}
		if exit.Code(a.Err) != exit.Refused {
			t.Errorf("%s: exit code %d", c.step, exit.Code(a.Err))
		}
	}
}
