package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/multiselect/multiselect/internal/streamtest"
	"github.com/multiselect/multiselect/wire"

	"github.com/multiselect/multiselect/cmd/mss/internal/attempt"
	"github.com/multiselect/multiselect/cmd/mss/internal/exit"
	"github.com/multiselect/multiselect/cmd/mss/internal/terminal"
	"github.com/multiselect/multiselect/cmd/mss/internal/transport"
)

// readsOnce is a peer that reads once, tells what, and leaves.
func readsOnce(t *testing.T) (address string, first <-chan string) {
	t.Helper()
	ln := streamtest.Listen(t, "tcp")
	read := make(chan string, 1)
	go func() {
		conn, err := ln.Accept()
		if err != nil {
			read <- err.Error()
			return
		}
		defer conn.Close()
		flight := make([]byte, 2*attempt.MaxFirst)
		n, _ := conn.Read(flight)
		read <- string(flight[:n])
	}()
	return ln.Addr().String(), read
}

// The header and the first proposal leave in one write, and nothing is waited
// for before: a peer that reads once has both.
func TestDialOneFlight(t *testing.T) {
	peer, first := readsOnce(t)
	s := &terminal.Stdio{In: strings.NewReader(""), Out: io.Discard, Err: io.Discard}
	run([]string{"dial", "--to", peer, "/a", "/b"}, s)
	if got, want := <-first, wire.HeaderFrame+"\x03/a\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// endless is an input that never comes and never ends.
type endless struct{ done <-chan struct{} }

func (e endless) Read([]byte) (int, error) {
	<-e.done
	return 0, io.EOF
}

// The peer's end is the end, whatever standard input does.
func TestJoinEndsWithThePeer(t *testing.T) {
	here, there := streamtest.TCP(t)
	io.WriteString(there, "all")
	there.Close()
	var out bytes.Buffer
	err := join(t.Context(), here, endless{t.Context().Done()}, &out)
	if out.String() != "all" || err != nil {
		t.Errorf("got %q, %v", &out, err)
	}
}

func TestJoinReset(t *testing.T) {
	here, there := streamtest.TCP(t)
	transport.Reset(there)
	err := join(t.Context(), here, endless{t.Context().Done()}, io.Discard)
	if exit.Code(err) != exit.Closed || !strings.Contains(err.Error(), "reset") {
		t.Errorf("got %v", err)
	}
}

func TestJoinInterrupted(t *testing.T) {
	here, _ := streamtest.TCP(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(exit.ErrInterrupted)
	if err := join(ctx, here, endless{t.Context().Done()}, io.Discard); exit.Code(err) != exit.Interrupted {
		t.Errorf("got %v", err)
	}
}

// Ctrl-C ends a negotiation with a peer that says nothing.
func TestDialInterrupted(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("cannot send an interrupt")
	}
	ln := streamtest.Listen(t, "tcp")
	var stderr bytes.Buffer
	cmd := exec.Command("mss", "dial", "--to", ln.Addr().String(), "/x")
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	conn, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	cmd.Process.Signal(os.Interrupt)
	cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != exit.Interrupted {
		t.Errorf("exit code %d: %s", code, &stderr)
	}
	if !strings.HasPrefix(stderr.String(), "mss: interrupted\n") {
		t.Errorf("said %q", &stderr)
	}
}

// full is a connection whose peer has stopped reading and then ends.
type full struct {
	net.Conn
	failed chan struct{}
}

func (f full) Write([]byte) (int, error) {
	close(f.failed)
	return 0, syscall.EPIPE
}

func (f full) Read([]byte) (int, error) {
	<-f.failed
	synctest.Wait() // until the failure is known
	return 0, io.EOF
}

func (full) CloseWrite() error { return nil }

// The peer's end is no success if it has not got all.
func TestJoinUnsent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		err := join(t.Context(), full{failed: make(chan struct{})}, strings.NewReader("all"), io.Discard)
		if exit.Code(err) != exit.Closed || err.Error() != "the peer closed before all of standard input was sent" {
			t.Errorf("got %v", err)
		}
	})
}
