package serving

import (
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/internal/streamtest"
	"github.com/multiselect/multiselect/wire"

	"github.com/multiselect/multiselect/cmd/mss/internal/address"
	"github.com/multiselect/multiselect/cmd/mss/internal/exit"
	"github.com/multiselect/multiselect/cmd/mss/internal/terminal"
	"github.com/multiselect/multiselect/cmd/mss/internal/transport"
)

// patience bounds how long a test waits for an event that should be immediate.
const patience = 20 * time.Second

// testServer is a server on a loopback port.
type testServer struct {
	*Server
	t    *testing.T
	log  *buffer
	addr string
}

// startServer serves until the test ends.
func startServer(t *testing.T, budget time.Duration, routes ...string) *testServer {
	t.Helper()
	parsed, err := ParseRoutes(routes)
	if err != nil {
		t.Fatal(err)
	}
	return startServerWith(t, Config{Routes: parsed, Limits: multiselect.Limits{Timeout: budget}, Log: new(Log)})
}

// startServerWith is startServer for any configuration.
func startServerWith(t *testing.T, c Config) *testServer {
	t.Helper()
	log := new(buffer)
	c.Log.Stdio = &terminal.Stdio{Err: log}
	srv, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	ln := serve(t, srv, address.Loopback.String())
	return &testServer{srv, t, log, ln.Address.Where}
}

// serve serves on an address until the test ends.
func serve(t *testing.T, srv *Server, where string) *transport.Listener {
	t.Helper()
	a, err := address.Parse(where)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := srv.Listen(a, new(transport.Certificates))
	if err != nil {
		t.Fatal(err)
	}
	serving := make(chan error, 1)
	go func() { serving <- srv.Serve(ln) }()
	t.Cleanup(func() {
		srv.netmux.Close()
		mustFinish(t, srv)
		if err := <-serving; err != nil {
			t.Error(err)
		}
	})
	return ln
}

// mustFinish waits until no connection is left.
func mustFinish(t *testing.T, srv *Server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := srv.netmux.Shutdown(ctx); err != nil {
		t.Errorf("a target still runs: %v", err)
	}
}

func (s *testServer) dial() net.Conn {
	s.t.Helper()
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		s.t.Fatal(err)
	}
	conn.SetDeadline(time.Now().Add(patience))
	s.t.Cleanup(func() { conn.Close() })
	return conn
}

// buffer is a bytes.Buffer for several goroutines.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// memoryConn is a connection whose time may be fake.
type memoryConn struct{ *streamtest.Stream }

func (memoryConn) LocalAddr() net.Addr  { return memoryAddr }
func (memoryConn) RemoteAddr() net.Addr { return memoryAddr }

var memoryAddr = &net.TCPAddr{IP: net.IPv6loopback, Port: 1}

// Clients that keep a negotiation open are disconnected when the time limit expires.
func TestServerCuts(t *testing.T) {
	const budget = 150 * time.Millisecond
	proposal := wire.AppendMessage(nil, "/unknown/1.0.0")
	for _, c := range []struct {
		name  string
		say   func(conn net.Conn)
		after time.Duration
		log   string
	}{
		{"waits", func(net.Conn) {}, budget, "its header had not arrived"},
		{"waits after the header", func(conn net.Conn) { io.WriteString(conn, wire.HeaderFrame) }, budget, "no protocol was agreed on"},
		{"drips", func(conn net.Conn) {
			for _, b := range []byte(wire.HeaderFrame + strings.Repeat("\x7f", 200)) {
				if _, err := conn.Write([]byte{b}); err != nil {
					return
				}
				time.Sleep(10 * time.Millisecond) // that is what dripping is
			}
		}, budget, "timed out after"},
		{"proposes without end", func(conn net.Conn) {
			io.WriteString(conn, wire.HeaderFrame)
			for {
				if _, err := conn.Write(proposal); err != nil {
					return
				}
				time.Sleep(5 * time.Millisecond) // fast enough for 30 proposals, too slow for 128
			}
		}, budget, "after refusing /unknown/1.0.0"},
		{"proposes as fast as it can", func(conn net.Conn) {
			io.WriteString(conn, wire.HeaderFrame)
			for {
				if _, err := conn.Write(proposal); err != nil {
					return
				}
			}
		}, 0, "more than 128 proposals"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				took, log := cut(t, budget, c.say)
				if took != c.after {
					t.Errorf("disconnected after %v, want %v", took, c.after)
				}
				if !strings.Contains(log, c.log) {
					t.Errorf("log %q has no %q", log, c.log)
				}
			})
		})
	}
}

// cut serves one client, in fake time, and returns when it was disconnected.
func cut(t *testing.T, budget time.Duration, say func(conn net.Conn)) (took time.Duration, logged string) {
	t.Helper()
	log := new(buffer)
	srv, err := New(Config{Limits: multiselect.Limits{Timeout: budget}, Log: &Log{Stdio: &terminal.Stdio{Err: log}}})
	if err != nil {
		t.Fatal(err)
	}
	ours, conn := streamtest.Pipe()
	var client sync.WaitGroup
	client.Go(func() { srv.netmux.ServeConn(t.Context(), srv.newConnection(memoryConn{ours}, false)) })
	began := time.Now()
	client.Go(func() { say(memoryConn{conn}) })
	io.Copy(io.Discard, conn)
	took = time.Since(began)
	conn.Close()
	client.Wait()
	return took, log.String()
}

// The header is sent immediately, and no byte after the proposal is read.
func TestServerHandsOnTheRest(t *testing.T) {
	srv := startServer(t, 0, "/a/1.0.0=echo")
	conn := srv.dial()
	sent := wire.HeaderFrame + "\x09/a/1.0.0\n" + "and this is for the echo"
	io.WriteString(conn, sent)
	conn.(transport.Stream).CloseWrite()
	got, err := io.ReadAll(conn)
	if string(got) != sent || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

// A drain lets a conversation finish, and ends immediately afterwards.
func TestDrainWaits(t *testing.T) {
	srv := startServer(t, 0)
	talking := hear(t, agree(t, srv.dial(), "/echo/1.0.0"))
	waiting := srv.dial() // half-open: nobody waits for it
	io.WriteString(waiting, wire.HeaderFrame)
	io.ReadFull(waiting, make([]byte, len(wire.HeaderFrame)))
	drained := make(chan error, 1)
	go func() { drained <- srv.Drain(nil) }()
	if rest, _ := io.ReadAll(waiting); len(rest) > 0 {
		t.Errorf("half-open connection got %q", rest)
	}
	io.WriteString(talking, "last words")
	talking.(transport.Stream).CloseWrite()
	if got, err := io.ReadAll(talking); string(got) != "last words" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	if err := <-drained; err != nil {
		t.Error(err)
	}
}

// A conversation that does not finish is reset; by a second signal, immediately.
func TestDrainCuts(t *testing.T) {
	srv := startServer(t, 0)
	talking := agree(t, srv.dial(), "/echo/1.0.0")
	signals := make(chan os.Signal, 1)
	signals <- syscall.SIGTERM
	if code := exit.Code(srv.Drain(signals)); code != exit.Interrupted {
		t.Errorf("code %d", code)
	}
	if rest, _ := io.ReadAll(talking); len(rest) > 0 {
		t.Errorf("got %q", rest)
	}
}

// A command that does not end is killed, with its children: the server would
// otherwise not come to its end, nor would this test.
func TestDrainKills(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("needs sh")
	}
	srv := startServer(t, 0, "/exec/1.0.0=exec:echo ready; sleep 300 | sleep 300; true")
	talking := agree(t, srv.dial(), "/exec/1.0.0")
	io.ReadFull(talking, make([]byte, len("ready\n")))
	signals := make(chan os.Signal, 1)
	signals <- syscall.SIGTERM
	srv.Drain(signals)
	mustFinish(t, srv.Server)
	if log := srv.log.String(); !strings.HasSuffix(log, " stopped with connections that had not finished: 1 of /exec/1.0.0 from 127.0.0.1\n") {
		t.Errorf("log: %s", log)
	}
}

func agree(t *testing.T, conn net.Conn, protocol string) net.Conn {
	t.Helper()
	var client multiselect.Client
	if _, err := client.SelectOneOf(t.Context(), conn, protocol); err != nil {
		t.Fatal(err)
	}
	return conn
}

// hear waits until the echo answers: the client knows of an agreement a moment
// before the server is done negotiating.
func hear(t *testing.T, conn net.Conn) net.Conn {
	t.Helper()
	io.WriteString(conn, "?")
	if _, err := io.ReadFull(conn, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	return conn
}
