package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/multiselect/multiselect/internal/streamtest"
	"github.com/multiselect/multiselect/wire"
)

// The header, the proposal and the first bytes leave in one write: a peer that
// reads once has them all.
func TestDialLazyOneFlight(t *testing.T) {
	peer, first := readsOnce(t)
	payload := "\xff\xff\x7f" + strings.Repeat("x", maxFirst-3)
	s := &stdio{in: strings.NewReader(payload + "and more"), out: io.Discard, err: io.Discard}
	run([]string{"dial", "--lazy", "--to", peer, "/a"}, s)
	if got, want := <-first, wire.HeaderFrame+"\x03/a\n"+payload; got != want {
		t.Errorf("got %d bytes, want %d", len(got), len(want))
	}
}

// script is an input that comes in pieces, and is an error when nobody ought to
// ask any more.
type script []func(p []byte) (int, error)

func (s *script) Read(p []byte) (int, error) {
	if len(*s) == 0 {
		return 0, errors.New("asked once too often")
	}
	next := (*s)[0]
	*s = (*s)[1:]
	return next(p)
}

func piece(text string, err error) func([]byte) (int, error) {
	return func(p []byte) (int, error) { return copy(p, text), err }
}

// The ends of standard input are asked for once: on a terminal there would be a
// second one to type.
func TestDialLazyInput(t *testing.T) {
	const limit = 3 * time.Second
	slow := func(p []byte) (int, error) {
		time.Sleep(limit + 200*time.Millisecond) // somebody types
		return copy(p, "slow"), nil
	}
	for _, c := range []struct {
		name  string
		in    script
		out   string
		early string
		code  int
	}{
		{"pieces", script{piece("one", nil), piece("two", nil), piece("", io.EOF)}, "onetwo", "# 3 bytes of early data\n", exitOK},
		{"nothing at first", script{piece("", nil), piece("1", nil), piece("", io.EOF)}, "1", "# 1 byte of early data\n", exitOK},
		{"the end with the bytes", script{piece("all", io.EOF), piece("", io.EOF)}, "all", "# 3 bytes of early data\n", exitOK},
		{"the end", script{piece("", io.EOF)}, "", "# standard input is empty", exitOK},
		{"slower than the time limit", script{slow, piece("", io.EOF)}, "slow", "# 4 bytes of early data\n", exitOK},
		{"broken", script{piece("", os.ErrPermission)}, "", "", exitLocal},
		{"broken later", script{piece("one", nil), piece("", os.ErrPermission)}, "", "# 3 bytes of early data\n", exitLocal},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var out, stderr bytes.Buffer
			s := &stdio{in: &c.in, out: &out, err: &stderr}
			code := run([]string{"dial", "-v", "--lazy", "--timeout", limit.String(), "/echo/1.0.0"}, s)
			if code != c.code || code == exitOK && out.String() != c.out || !strings.Contains(stderr.String(), c.early) {
				t.Errorf("exit code %d, got %q, said %q", code, &out, &stderr)
			}
			if len(c.in) > 0 {
				t.Errorf("did not ask %d times", len(c.in))
			}
		})
	}
}

// Ctrl-C ends the wait for standard input: nothing is connected.
func TestDialLazyInterruptedInput(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errInterrupted)
	_, err := waitForInput(ctx, endless{t.Context().Done()})
	if exitCode(err) != exitInterrupted || err.Error() != "interrupted" {
		t.Errorf("got %v", err)
	}
}

// Ctrl-C ends a negotiation with a peer that says nothing, whether the first
// bytes have left or wait.
func TestDialLazyInterrupted(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("cannot send an interrupt")
	}
	for _, c := range []struct{ in, sent, early string }{
		{"hello", "hello", `"early_bytes":5`},
		{"\n/echo/1.0\n", "", `"early_bytes":0`},
	} {
		ln := streamtest.Listen(t, "tcp")
		var stderr bytes.Buffer
		limit, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		cmd := exec.CommandContext(limit, "mss", "dial", "--lazy", "--json", "--timeout", "0", "--to", ln.Addr().String(), "/x")
		cmd.Stdin = strings.NewReader(c.in)
		cmd.Stderr = &stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		conn, err := ln.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		io.ReadFull(conn, make([]byte, len(wire.HeaderFrame)+len("\x03/x\n")))
		cmd.Process.Signal(os.Interrupt)
		cmd.Wait()
		if code := cmd.ProcessState.ExitCode(); code != exitInterrupted {
			t.Errorf("%q: exit code %d: %s", c.in, code, &stderr)
		}
		if rest, _ := io.ReadAll(conn); string(rest) != c.sent {
			t.Errorf("%q: sent %q", c.in, rest)
		}
		if !strings.Contains(stderr.String(), `"error":"interrupted"`) || !strings.Contains(stderr.String(), c.early) {
			t.Errorf("%q: said %q", c.in, &stderr)
		}
	}
}

// A client that has left misses nothing: that is no failure of a target.
func TestHangUpOnNobody(t *testing.T) {
	here, there := tcpPair(t)
	there.Close()
	var err error
	for err == nil { // until the news has arrived
		_, err = io.WriteString(here, "?")
	}
	if err := hangUp(here); err != nil {
		t.Errorf("got %v", err)
	}
}
