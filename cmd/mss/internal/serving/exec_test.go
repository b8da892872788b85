package serving

import (
	"io"
	"net"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/multiselect/multiselect/cmd/mss/internal/transport"
)

// A command whose client is gone is killed although it neither reads nor
// writes, and its children with it.
func TestExecClientGone(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("needs sh; and there it is noticed only by reading and writing")
	}
	for name, leave := range map[string]func(conn transport.Stream){
		"reset": transport.Reset,
		"reset after its half": func(conn transport.Stream) {
			conn.CloseWrite()
			transport.Reset(conn)
		},
		"reset with input that nobody reads": func(conn transport.Stream) {
			conn.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
			io.Copy(conn, zeros{})
			transport.Reset(conn)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := startServer(t, 0, "/exec/1.0.0=exec:echo ready; sleep 300 | sleep 300; true")
			conn := agree(t, srv.dial(), "/exec/1.0.0")
			io.ReadFull(conn, make([]byte, len("ready\n")))
			leave(conn.(transport.Stream))
			mustFinish(t, srv.Server)
		})
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

// On a unix socket an end can be told from the end of one half.
func TestExecUnixClientGone(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("elsewhere the two cannot be told apart")
	}
	srv := startServer(t, 0, "/exec/1.0.0=exec:echo ready; sleep 300; true")
	path := filepath.Join(t.TempDir(), "s.sock")
	serve(t, srv.Server, "unix:"+path)
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	agree(t, conn, "/exec/1.0.0")
	io.ReadFull(conn, make([]byte, len("ready\n")))
	conn.Close()
	mustFinish(t, srv.Server)
}

// A client that has ended its half is there, and gets the output.
func TestExecHalfClosed(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("needs sh")
	}
	srv := startServer(t, 0, "/exec/1.0.0=exec:cat; sleep 1; echo late")
	conn := agree(t, srv.dial(), "/exec/1.0.0")
	io.WriteString(conn, "early ")
	conn.(transport.Stream).CloseWrite()
	if got, err := io.ReadAll(conn); string(got) != "early late\n" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

// A server that ends resets running conversations, and the client can tell.
func TestDrainResets(t *testing.T) {
	srv := startServer(t, 0)
	conn := hear(t, agree(t, srv.dial(), "/echo/1.0.0"))
	srv.End()
	if got, err := io.ReadAll(conn); err == nil {
		t.Errorf("got %q and a plain end", got)
	}
}
