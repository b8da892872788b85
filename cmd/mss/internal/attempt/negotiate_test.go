package attempt

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"regexp"
	"slices"
	"strings"
	"testing"

	identify "github.com/libp2p/go-libp2p/p2p/protocol/identify/pb"
	"google.golang.org/protobuf/encoding/protodelim"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/netmux"

	"github.com/multiselect/multiselect/cmd/mss/internal/exit"
	"github.com/multiselect/multiselect/cmd/mss/internal/terminal"
)

// forms has an address of each form to serve on.
var forms = []string{
	"127.0.0.1:0", "tls://127.0.0.1:0", "quic://127.0.0.1:0", "yamux://127.0.0.1:0",
	"/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.1/udp/0/quic-v1",
}

// An attempt proposes in order, on streams of every form, and returns the stream.
func TestNegotiate(t *testing.T) {
	for _, where := range forms {
		live := new(watcher)
		a := fresh(serve(t, where, host{}, echoes(t, "/b", "/c")), "/a", "/b", "/c")
		a.Live = live
		conn := a.Negotiate(t.Context())
		if conn == nil {
			t.Errorf("%s: %v", where, a.Err)
			continue
		}
		io.WriteString(conn, "hello")
		conn.CloseWrite()
		if got, err := io.ReadAll(conn); string(got) != "hello" || err != nil {
			t.Errorf("%s: got %q, %v", where, got, err)
		}
		conn.Close()
		r := a.Report()
		if *r.Protocol != "/b" || !slices.Equal(r.Refused, []string{"/a"}) || len(r.Proposed) != 3 || r.Mode != "eager" || r.Error != nil {
			t.Errorf("%s: report %+v", where, r)
		}
		shown := "> /multistream/1.0.0\n> /a\n< /multistream/1.0.0\n< na\n> /b\n< /b\n"
		if got := strings.Join(r.Transcript, "\n") + "\n"; got != shown {
			t.Errorf("%s: transcript\n%s", where, got)
		}
		level := strings.Repeat("  ", len(r.Ladder))
		if got := strings.ReplaceAll(live.String(), "\n"+level, "\n"); !strings.HasSuffix(got, strings.TrimPrefix(shown, level)) {
			t.Errorf("%s: live\n%s", where, live)
		}
		var steps []string
		for _, rung := range r.Ladder {
			steps = append(steps, rung.Step+" "+*rung.Protocol)
		}
		want := ""
		if strings.Contains(where, "/tcp/") {
			want = "security /noise, muxer /yamux/1.0.0"
		}
		if got := strings.Join(steps, ", "); got != want {
			t.Errorf("%s: steps %q, want %q", where, got, want)
		}
	}
}

// Ask returns the names that a peer lists.
func TestAsk(t *testing.T) {
	for _, where := range forms {
		a := fresh(serve(t, where, host{}, echoes(t, "/b", "/a")))
		a.Ask(t.Context())
		if _, known := a.Agent(); a.Err != nil || !slices.Equal(a.List.Names, []string{"/a", "/b"}) || known {
			t.Errorf("%s: %q, %v", where, a.List.Names, a.Err)
		}
		if r := a.Report(); !slices.Equal(r.Offers, a.List.Names) || r.Dialect == "" || len(r.Proposed) != 0 || r.Protocol != nil {
			t.Errorf("%s: report %+v", where, r)
		}
	}
}

// A libp2p peer without a list is asked with identify, and no other peer is.
func TestIdentify(t *testing.T) {
	describe := func(_ context.Context, _ string, stream io.ReadWriteCloser) {
		defer stream.Close()
		agent := "agent\x1b/1.0"
		protodelim.MarshalTo(stream, &identify.Identify{Protocols: []string{"/a"}, AgentVersion: &agent})
		protodelim.MarshalTo(stream, &identify.Identify{Protocols: []string{"/b"}})
	}
	garbage := func(_ context.Context, _ string, stream io.ReadWriteCloser) {
		defer stream.Close()
		io.WriteString(stream, "\x04this is no protobuf")
	}
	for _, c := range []struct {
		where   string
		answer  multiselect.Handler
		dialect string
		agent   string
	}{
		{"/ip4/127.0.0.1/tcp/0", describe, "identify", `"agent\x1b/1.0"`},
		{"/ip4/127.0.0.1/udp/0/quic-v1", describe, "identify", `"agent\x1b/1.0"`},
		{"/ip4/127.0.0.1/tcp/0", garbage, "", ""},
		{"yamux://127.0.0.1:0", describe, "", ""},
	} {
		srv := new(netmux.Server)
		srv.Muxer.NoList = true
		srv.Muxer.AddHandler(IdentifyID, c.answer)
		a := fresh(serve(t, c.where, host{}, srv))
		a.Ask(t.Context())
		r := a.Report()
		agent, ok := a.Agent()
		if r.Dialect != c.dialect || ok != (c.agent != "") || agent != c.agent {
			t.Errorf("%s: dialect %q, agent %s", c.where, r.Dialect, agent)
		}
		if ok && (a.Err != nil || !slices.Equal(r.Offers, []string{"/a", "/b"})) {
			t.Errorf("%s: %q, %v", c.where, r.Offers, a.Err)
		}
		if !ok && (r.Offers != nil || exit.Code(a.Err) != exit.Refused) {
			t.Errorf("%s: %q, %v", c.where, r.Offers, a.Err)
		}
	}
}

// Finish writes the document on one line, or the explanation, and returns the error with
// its exit code, which is not to be reported again.
func TestFinish(t *testing.T) {
	p := serve(t, "127.0.0.1:0", host{}, echoes(t, "/echo/1.0.0"))
	elapsed := regexp.MustCompile(`"elapsed_ms":[0-9.e-]+`)
	for _, c := range []struct {
		asked, document, text string
		code                  int
	}{
		{"/echo/1.0.0", `{"peer":"PEER","role":"initiator","mode":"eager","protocol":"/echo/1.0.0","proposed":["/echo/1.0.0"],"refused":[],` +
			`"offers":null,"transcript":["> /multistream/1.0.0","> /echo/1.0.0","< /multistream/1.0.0","< /echo/1.0.0"],` +
			`"bytes_sent":33,"bytes_received":33,"elapsed_ms":0,"error":null,"exit_code":0}`, "", exit.OK},
		{"/echo/2.0.0", `{"peer":"PEER","role":"initiator","mode":"eager","protocol":null,"proposed":["/echo/2.0.0"],"refused":["/echo/2.0.0"],` +
			`"offers":["/echo/1.0.0"],"dialect":"DIALECT","transcript":["> /multistream/1.0.0","> /echo/2.0.0","< /multistream/1.0.0","< na","> ls","<","    /echo/1.0.0"],` +
			`"bytes_sent":37,"bytes_received":39,"elapsed_ms":0,"error":"nothing in common: PEER refused /echo/2.0.0","stage":"all proposals refused",` +
			`"blame":"none","nearest":"/echo/1.0.0","next":"mss dial --to PEER /echo/1.0.0","exit_code":7}`, "mss: nothing in common: PEER refused /echo/2.0.0\nmss:   stage", exit.Refused},
	} {
		a := fresh(p, c.asked)
		if conn := a.Negotiate(t.Context()); conn != nil {
			conn.Close()
		}
		for _, asJSON := range []bool{true, false} {
			var b bytes.Buffer
			err := a.Finish(&terminal.Stdio{Err: &b}, asJSON)
			got := strings.ReplaceAll(b.String(), p.String(), "PEER")
			if exit.Code(err) != c.code || err != nil && !err.(*exit.Error).Told {
				t.Errorf("%s: exit code %d, %v", c.asked, exit.Code(err), err)
			}
			if !asJSON {
				if !strings.HasPrefix(got, c.text) || c.text == "" && got != "" {
					t.Errorf("%s: wrote\n%s", c.asked, got)
				}
				continue
			}
			got = elapsed.ReplaceAllString(got, `"elapsed_ms":0`)
			got = strings.Replace(got, `"dialect":"`+a.List.Dialect.String()+`"`, `"dialect":"DIALECT"`, 1)
			if got != c.document+"\n" || !json.Valid([]byte(got)) {
				t.Errorf("%s: wrote\n%swant\n%s", c.asked, got, c.document)
			}
		}
	}
}

// A failed stream has its end in the report, with the code if the transport has codes.
func TestReportEnd(t *testing.T) {
	a := fresh(serve(t, "yamux://127.0.0.1:0", host{}, new(netmux.Server)), "/x")
	a.Fail(&multiselect.Error{Err: io.ErrUnexpectedEOF})
	if r := a.Report(); r.End != "fin" || r.EndCode != nil || r.ExitCode != exit.Closed {
		t.Errorf("%+v", r)
	}
	a = fresh(scripted(t, func(conn *net.TCPConn) {
		readUntil(conn, "/x\n")
		conn.SetLinger(0)
	}), "/x")
	a.Negotiate(t.Context())
	if r := a.Report(); r.End != "reset" || r.EndCode != nil || r.ExitCode != exit.Closed {
		t.Errorf("%+v", r)
	}
}

// Names are proposed once each. One that cannot be sent is a usage error, and so are
// more than a stream may carry.
func TestUniqueNames(t *testing.T) {
	names, err := UniqueNames([]string{"/a", "/b", "/a", "/a"})
	if !slices.Equal(names, []string{"/a", "/b"}) || err != nil {
		t.Errorf("got %q, %v", names, err)
	}
	var many []string
	for i := range 129 {
		many = append(many, "/"+strings.Repeat("x", i))
	}
	if names, err := UniqueNames(many[:128]); len(names) != 128 || err != nil {
		t.Errorf("128 names: %d, %v", len(names), err)
	}
	for says, names := range map[string][]string{
		"129 protocols: at most 128 can be proposed": many,
		"nothing was sent":                           {"/a", ""},
		"such a name cannot be proposed":             {"/a\n"},
		"1025 bytes, 1023 allowed":                   {"/" + strings.Repeat("x", 1024)},
	} {
		if _, err := UniqueNames(names); exit.Code(err) != exit.Usage || !strings.Contains(err.Error(), says) {
			t.Errorf("%.40q: exit code %d, %v; want %q", names, exit.Code(err), err, says)
		}
	}
}

func TestDescribeEnd(t *testing.T) {
	reading := func(err error) error {
		return &multiselect.Error{Err: &multiselect.CommunicatorError{Op: "read", Err: err}}
	}
	for _, c := range []struct {
		err  error
		want string
	}{
		{reading(io.EOF), "it hung up before it sent anything"},
		{reading(io.ErrUnexpectedEOF), "it hung up before it had answered"},
		{reading(&net.OpError{Op: "read", Err: errors.New("no route")}), "no route"},
		{reading(context.DeadlineExceeded), "timed out"},
		{errors.New("plain"), "plain"},
	} {
		if got := DescribeEnd(c.err); got != c.want {
			t.Errorf("%v: %q, want %q", c.err, got, c.want)
		}
	}
}
