package serving

import (
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/multiselect/multiselect/internal/streamtest"

	"github.com/multiselect/multiselect/cmd/mss/internal/transport"
)

// Each kind of target does with a connection what its name says, and ends its half.
func TestTargets(t *testing.T) {
	for _, c := range []struct {
		target, sent string
		want         func(got string) bool
	}{
		{"echo", "hello", func(got string) bool { return got == "hello" }},
		{"discard", "hello", func(got string) bool { return got == "" }},
		{"static:be kind", "hello", func(got string) bool { return got == "be kind" }},
		{"static:", "hello", func(got string) bool { return got == "" }},
		{"time", "", func(got string) bool {
			_, err := time.Parse(time.RFC3339Nano+"\n", got)
			return err == nil
		}},
		{"exec:cat; echo $MSS_PROTOCOL; test -n \"$MSS_PEER\" && echo peer", "hello ", func(got string) bool { return got == "hello /x\npeer\n" }},
	} {
		if strings.HasPrefix(c.target, "exec:") && runtime.GOOS == "windows" {
			continue // there is no sh
		}
		srv := startServer(t, 0, "/x="+c.target)
		conn := agree(t, srv.dial(), "/x")
		io.WriteString(conn, c.sent)
		conn.(transport.Stream).CloseWrite()
		if got, err := io.ReadAll(conn); !c.want(string(got)) || err != nil {
			t.Errorf("%s: got %q, %v", c.target, got, err)
		}
		mustFinish(t, srv.Server)
		if srv.log.String() != "" {
			t.Errorf("%s: log %s", c.target, srv.log)
		}
	}
}

// A target that fails resets its client and is in the log.
func TestTargetFails(t *testing.T) {
	dead := streamtest.Listen(t, "tcp")
	dead.Close()
	for target, says := range map[string]string{
		"tcp:" + dead.Addr().String(): "cannot connect to " + dead.Addr().String() + ": connection refused",
		"exec:exit 3":                 "exit status 3",
	} {
		if strings.HasPrefix(target, "exec:") && runtime.GOOS == "windows" {
			continue // there is no sh
		}
		srv := startServer(t, 0, "/x="+target)
		conn := srv.dial()
		client := conn.LocalAddr().String()
		agree(t, conn, "/x")
		if got, err := io.ReadAll(conn); err == nil {
			t.Errorf("%s: got %q and a plain end", target, got)
		}
		mustFinish(t, srv.Server)
		if want := "mss: TIME " + client + ": /x=" + target + ": " + says + " (after DUR, 0 bytes received, 0 sent)\n"; timeless(srv.log.String()) != want {
			t.Errorf("%s: log %q, want %q", target, srv.log, want)
		}
	}
}

// A forwarded connection passes on each end as an end and a reset as a reset.
func TestForward(t *testing.T) {
	ln := streamtest.Listen(t, "tcp")
	srv := startServer(t, 0, "/x=tcp:"+ln.Addr().String())
	open := func() (client, server transport.Stream) {
		t.Helper()
		conn := agree(t, srv.dial(), "/x")
		accepted, err := ln.Accept()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { accepted.Close() })
		return conn.(transport.Stream), accepted.(transport.Stream)
	}
	client, server := open()
	io.WriteString(client, "question")
	client.CloseWrite()
	if got, err := io.ReadAll(server); string(got) != "question" || err != nil {
		t.Errorf("the server gets %q, %v", got, err)
	}
	io.WriteString(server, "answer")
	server.Close()
	if got, err := io.ReadAll(client); string(got) != "answer" || err != nil {
		t.Errorf("the client gets %q, %v", got, err)
	}
	for name, ends := range map[string]func() (left, right transport.Stream){
		"of the client": open,
		"of the server": func() (left, right transport.Stream) { right, left = open(); return left, right },
	} {
		left, right := ends()
		transport.Reset(left)
		if _, err := io.ReadAll(right); err == nil {
			t.Errorf("the reset %s is a plain end", name)
		}
	}
}

// A command that leaves keeps no client waiting, even one that does not end its half.
func TestExecEnds(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("needs sh; linux and darwin play it")
	}
	srv := startServer(t, 0, "/x=exec:echo done")
	conn := agree(t, srv.dial(), "/x")
	if got, err := io.ReadAll(conn); string(got) != "done\n" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

// The embedded responder is a peer like any other, and ends with it.
func TestStartEmbedded(t *testing.T) {
	p, err := StartEmbeddedWith(loopback(t, "127.0.0.1:0"), EchoRoutes([]string{"/a", "/b"}), noLimits)
	if err != nil {
		t.Fatal(err)
	}
	s, err := p.Stream(t.Context(), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	agree(t, s, "/b")
	p.Stop()
	if got, err := io.ReadAll(s); len(got) > 0 || err == nil {
		t.Errorf("after Stop: %q, %v", got, err)
	}
	if conn, err := net.Dial("tcp", p.Address.Where); err == nil {
		conn.Close()
		t.Error("it still listens")
	}
	if _, err := StartEmbeddedWith(p.Address, EchoRoutes([]string{"/a", "/a"}), noLimits); err == nil {
		t.Error("a name is served twice")
	}
}
