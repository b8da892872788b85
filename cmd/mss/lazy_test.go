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

	"github.com/multiselect/multiselect/cmd/mss/internal/attempt"
	"github.com/multiselect/multiselect/cmd/mss/internal/exit"
	"github.com/multiselect/multiselect/cmd/mss/internal/terminal"
)

// The header, the proposal and the first bytes leave in one write: a peer that
// reads once has them all.
func TestDialLazyOneFlight(t *testing.T) {
	peer, first := readsOnce(t)
	payload := "\xff\xff\x7f" + strings.Repeat("x", attempt.MaxFirst-3)
	s := &terminal.Stdio{In: strings.NewReader(payload + "and more"), Out: io.Discard, Err: io.Discard}
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
		{"pieces", script{piece("one", nil), piece("two", nil), piece("", io.EOF)}, "onetwo", "# 3 bytes of early data\n", exit.OK},
		{"nothing at first", script{piece("", nil), piece("1", nil), piece("", io.EOF)}, "1", "# 1 byte of early data\n", exit.OK},
		{"the end with the bytes", script{piece("all", io.EOF), piece("", io.EOF)}, "all", "# 3 bytes of early data\n", exit.OK},
		{"the end", script{piece("", io.EOF)}, "", "# standard input is empty", exit.OK},
		{"slower than the time limit", script{slow, piece("", io.EOF)}, "slow", "# 4 bytes of early data\n", exit.OK},
		{"broken", script{piece("", os.ErrPermission)}, "", "", exit.Local},
		{"broken later", script{piece("one", nil), piece("", os.ErrPermission)}, "", "# 3 bytes of early data\n", exit.Local},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var out, stderr bytes.Buffer
			s := &terminal.Stdio{In: &c.in, Out: &out, Err: &stderr}
			code := run([]string{"dial", "-v", "--lazy", "--timeout", limit.String(), "/echo/1.0.0"}, s)
			if code != c.code || code == exit.OK && out.String() != c.out || !strings.Contains(stderr.String(), c.early) {
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
	cancel(exit.ErrInterrupted)
	_, err := waitForInput(ctx, endless{t.Context().Done()})
	if exit.Code(err) != exit.Interrupted || err.Error() != "interrupted" {
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
		if code := cmd.ProcessState.ExitCode(); code != exit.Interrupted {
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
