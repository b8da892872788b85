package attempt

import (
	"io"
	"net"
	"strings"
	"testing"

	"github.com/multiselect/multiselect/wire"

	"github.com/multiselect/multiselect/cmd/mss/internal/exit"
)

// A lazy attempt sends the start of standard input with the proposal, unless a responder
// could take it for one. The rest is left to the caller.
func TestNegotiateLazy(t *testing.T) {
	p := serve(t, "127.0.0.1:0", host{}, echoes(t, "/x"))
	for _, c := range []struct {
		name      string
		opening   Opening
		unguarded bool
		early     int
		note      string
	}{
		{"plain", Opening{First: []byte("hello")}, false, 5, "# 5 bytes of early data"},
		{"one byte", Opening{First: []byte("h")}, false, 1, "# 1 byte of early data"},
		{"like a proposal", Opening{First: []byte("\x03/y\n")}, false, 0, "# 4 bytes waited for the answer"},
		{"like a proposal, unguarded", Opening{First: []byte("\x03/y\n")}, true, 4, "# 4 bytes of early data"},
		{"nothing", Opening{Ended: true}, false, 0, "# standard input is empty: its end was sent with the proposal"},
	} {
		a := fresh(p, "/x")
		live := new(watcher)
		a.Live = live
		o := c.opening
		conn := a.NegotiateLazy(t.Context(), &o, c.unguarded)
		if conn == nil {
			t.Errorf("%s: %v", c.name, a.Err)
			continue
		}
		r := a.Report()
		if r.Mode != LazyMode || *r.EarlyBytes != c.early || *r.Protocol != "/x" {
			t.Errorf("%s: mode %q, %d early bytes, %v", c.name, r.Mode, *r.EarlyBytes, r.Protocol)
		}
		if !strings.Contains(live.String(), c.note+"\n") {
			t.Errorf("%s: live\n%s", c.name, live)
		}
		conn.Write(o.First) // what is left
		if !o.Ended {
			conn.CloseWrite()
		}
		if got, err := io.ReadAll(conn); string(got) != string(c.opening.First) || err != nil {
			t.Errorf("%s: got %q, %v", c.name, got, err)
		}
		conn.Close()
	}
}

// The explanation of a lazy attempt tells what had been sent when it failed.
func TestExplainLazy(t *testing.T) {
	refuses := serve(t, "127.0.0.1:0", host{}, echoes(t, "/y"))
	silent := scripted(t, says(""))
	for _, c := range []struct {
		name     string
		peer     *Peer
		first    string
		early    string
		answered string
		next     string
		code     int
	}{
		{"refused", refuses, "hello", "5 bytes of standard input had been sent with the proposal", "\n  answered  na to /x\n", "see what it offers: mss ls --to PEER", exit.Refused},
		{"refused before the data", refuses, "\x03/y\n", "nothing of standard input was sent", "\n  answered  na to /x\n", "see what it offers: mss ls --to PEER", exit.Refused},
		{"silent", silent, "h", "1 byte of standard input had been sent with the proposal", "", "allow more time", exit.Timeout},
	} {
		a := fresh(c.peer, "/x")
		ctx := newDeadline(t)
		if c.peer == silent {
			a.Live = &watcher{line: "# 1 byte of early data", then: ctx.expire}
		}
		if conn := a.NegotiateLazy(ctx, &Opening{First: []byte(c.first)}, false); conn != nil {
			t.Errorf("%s: agreed", c.name)
		}
		got := explained(a)
		for _, line := range []string{"  early     " + c.early + "\n", c.answered, "  next      " + c.next} {
			if !strings.Contains(got, line) {
				t.Errorf("%s: no %q in\n%s", c.name, line, got)
			}
		}
		if exit.Code(a.Err) != c.code {
			t.Errorf("%s: exit code %d, %v", c.name, exit.Code(a.Err), a.Err)
		}
	}
}

// A connection that ends below a lazy attempt is no agreement.
func TestLazyConnectFails(t *testing.T) {
	p := scripted(t, func(*net.TCPConn) {})
	p.Address.Where = "127.0.0.1:1"
	a := fresh(p, "/x")
	if conn := a.NegotiateLazy(t.Context(), &Opening{Ended: true}, false); conn != nil || exit.Code(a.Err) != exit.Connect {
		t.Errorf("exit code %d, %v", exit.Code(a.Err), a.Err)
	}
}

func TestCheckLazy(t *testing.T) {
	for _, c := range []struct {
		names []string
		says  string
	}{
		{[]string{"/x"}, ""},
		{nil, "takes one PROTOCOL, not 0"},
		{[]string{"/x", "/y"}, "takes one PROTOCOL, not 2"},
		{[]string{"/x "}, "without --lazy it can be proposed"},
		{[]string{wire.LS}, "nothing was sent"},
	} {
		err := CheckLazy(c.names)
		if c.says == "" && err != nil || c.says != "" && (exit.Code(err) != exit.Usage || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%q: %v, want %q", c.names, err, c.says)
		}
	}
}
