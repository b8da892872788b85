package fault_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/internal/apitest"
	"github.com/multiselect/multiselect/internal/streamtest"
	"github.com/multiselect/multiselect/wire"
)

// The torture: one conversation that succeeds, and each Read and Write of it
// fails once, in each way in which a stream can fail, in every call. The call
// has to return, with the right error, and end the stream exactly once. It runs
// in a synctest bubble, which does not end while a goroutine is left.

// fault is one way in which a call on a stream fails.
type fault struct {
	name string
	do   func(s *streamtest.Script, p []byte) (int, error)
	want error // nil: any error will do
	// sticky faults come again, the others were a hiccup that is reported once.
	sticky bool
}

func readFaults() []fault {
	fails := func(err error) func(*streamtest.Script, []byte) (int, error) {
		return func(*streamtest.Script, []byte) (int, error) { return 0, err }
	}
	return []fault{
		{"EOF", fails(io.EOF), io.EOF, true}, // or io.ErrUnexpectedEOF
		{"ErrUnexpectedEOF", fails(io.ErrUnexpectedEOF), io.ErrUnexpectedEOF, true},
		{"ECONNRESET", fails(&net.OpError{Op: "read", Err: syscall.ECONNRESET}), syscall.ECONNRESET, true},
		{"EPIPE", fails(syscall.EPIPE), syscall.EPIPE, true},
		{"deadline", fails(os.ErrDeadlineExceeded), os.ErrDeadlineExceeded, false},
		{"closed", fails(net.ErrClosed), net.ErrClosed, true},
		{"nothing for ever", fails(nil), io.ErrNoProgress, true},
		{"too much", func(_ *streamtest.Script, p []byte) (int, error) { return len(p) + 1, nil }, nil, false},
		{"less than nothing", fails2(-1, nil), nil, false},
		{"a byte and an error", func(s *streamtest.Script, p []byte) (int, error) {
			if len(s.Chunks) == 0 || len(p) == 0 {
				return 0, syscall.ECONNRESET
			}
			p[0] = s.Chunks[0][0]
			s.Chunks = nil // and no more
			return 1, syscall.ECONNRESET
		}, syscall.ECONNRESET, true},
	}
}

func fails2(n int, err error) func(*streamtest.Script, []byte) (int, error) {
	return func(*streamtest.Script, []byte) (int, error) { return n, err }
}

func writeFaults() []fault {
	part := func(err error) func(*streamtest.Script, []byte) (int, error) {
		return func(_ *streamtest.Script, p []byte) (int, error) { return len(p) / 2, err }
	}
	return []fault{
		{"EPIPE", fails2(0, syscall.EPIPE), syscall.EPIPE, true},
		{"ECONNRESET", fails2(0, &net.OpError{Op: "write", Err: syscall.ECONNRESET}), syscall.ECONNRESET, true},
		{"half and EPIPE", part(syscall.EPIPE), syscall.EPIPE, true},
		{"ErrClosedPipe", fails2(0, io.ErrClosedPipe), io.ErrClosedPipe, true},
		{"deadline", fails2(0, os.ErrDeadlineExceeded), os.ErrDeadlineExceeded, false},
		{"half until the deadline", part(os.ErrDeadlineExceeded), os.ErrDeadlineExceeded, false},
		{"closed", fails2(0, net.ErrClosed), net.ErrClosed, true},
		{"short", part(nil), io.ErrShortWrite, false},
		{"nothing", fails2(0, nil), io.ErrShortWrite, false},
	}
}

// unbufferedScript passes for a pipe of package net: writes go on beside reads.
type unbufferedScript struct{ *streamtest.Script }

func (unbufferedScript) LocalAddr() net.Addr { return pipeAddr{} }

type pipeAddr struct{}

func (pipeAddr) Network() string { return "pipe" }
func (pipeAddr) String() string  { return "pipe" }

// torture makes a call on a stream with a fault, and returns its error and the
// write error of its outcome.
func torture(t *testing.T, call apitest.Call, s *streamtest.Script, unbuffered bool) (err, unheard error) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		var stream io.ReadWriteCloser = s
		if unbuffered {
			stream = unbufferedScript{s}
		}
		ctx := multiselect.WithTrace(t.Context(), &multiselect.Trace{Done: func(o multiselect.Outcome) { unheard = o.WriteErr }})
		err = call.Do(ctx, multiselect.Limits{}, stream)
	})
	ends := 0
	if err != nil {
		ends = 1
		if e, ok := errors.AsType[*multiselect.Error](err); !ok || e.Role != call.Role {
			t.Errorf("%T %v", err, err)
		}
	}
	if len(s.Ended) != ends {
		t.Errorf("%v: the stream was ended %q", err, s.Ended)
	}
	return err, unheard
}

// script is a successful conversation in chunks as they may arrive, and how often
// its stream is read and written.
type script struct {
	chunks        []string
	reads, writes int
}

func scripts(t *testing.T, call apitest.Call) (scripts []script) {
	whole := strings.Join(call.Peer, "")
	for _, chunks := range [][]string{{whole}, call.Peer, streamtest.Bytewise(whole), {whole[:1], whole[1:]}, {whole[:len(whole)-1], whole[len(whole)-1:]}} {
		s := streamtest.NewScript(chunks...)
		if err, unheard := torture(t, call, s, false); err != nil || unheard != nil {
			t.Fatal(err, unheard)
		}
		scripts = append(scripts, script{chunks, s.Reads, s.Writes})
	}
	return scripts
}

func TestTortureRead(t *testing.T) {
	for _, call := range apitest.Calls() {
		for i, script := range scripts(t, call) {
			for _, fault := range readFaults() {
				for at := range script.reads {
					for _, unbuffered := range []bool{false, true} {
						t.Run(fmt.Sprint(call.Name, "/", i, "/", fault.name, " at ", at, " ", unbuffered), func(t *testing.T) {
							s := streamtest.NewScript(script.chunks...)
							s.FailRead = func(n int, p []byte) (int, error, bool) {
								if n != at && (n < at || !fault.sticky) {
									return 0, nil, false
								}
								n, err := fault.do(s, p)
								return n, err, true
							}
							err, unheard := torture(t, call, s, unbuffered)
							checkReadFault(t, fault, at == script.reads-1, err, unheard)
						})
					}
				}
			}
		}
	}
}

func checkReadFault(t *testing.T, fault fault, last bool, err, unheard error) {
	t.Helper()
	if unheard != nil {
		t.Errorf("unheard: %v", unheard)
	}
	switch {
	case fault.name == "a byte and an error" && last && err == nil:
		return // it was the byte that was missing
	case err == nil:
		t.Error("it succeeds")
	case fault.want == io.EOF && errors.Is(err, io.ErrUnexpectedEOF):
	case fault.want != nil && !errors.Is(err, fault.want):
		t.Errorf("%v, want %v", err, fault.want)
	}
	e, _ := errors.AsType[*multiselect.Error](err)
	if e.Timeout() != (fault.want == os.ErrDeadlineExceeded) {
		t.Errorf("%v: timeout %v", err, e.Timeout())
	}
}

func TestTortureWrite(t *testing.T) {
	for _, call := range apitest.Calls() {
		for i, script := range scripts(t, call) {
			for _, fault := range writeFaults() {
				for at := range script.writes {
					for _, unbuffered := range []bool{false, true} {
						t.Run(fmt.Sprint(call.Name, "/", i, "/", fault.name, " at ", at, " ", unbuffered), func(t *testing.T) {
							s := streamtest.NewScript(script.chunks...)
							s.FailWrite = func(n int, p []byte) (int, error, bool) {
								if n != at && (n < at || !fault.sticky) {
									return 0, nil, false
								}
								n, err := fault.do(s, p)
								return n, err, true
							}
							err, unheard := torture(t, call, s, unbuffered)
							checkWriteFault(t, call, fault, err, unheard)
						})
					}
				}
			}
		}
	}
}

// checkWriteFault: a responder whose peer stopped reading still delivers, and
// says so to the trace (R17); with a stream that was closed here, or that is
// too slow, or that loses bytes, it does not.
func checkWriteFault(t *testing.T, call apitest.Call, fault fault, err, unheard error) {
	t.Helper()
	gone := fault.want == syscall.EPIPE || fault.want == syscall.ECONNRESET || fault.want == io.ErrClosedPipe
	delivers := call.Role == multiselect.Responder && call.Name != "Muxer.Handshake"
	if delivers && gone {
		if err != nil || !errors.Is(unheard, fault.want) {
			t.Errorf("%v, unheard %v; want it to deliver", err, unheard)
		}
		return
	}
	if !errors.Is(err, fault.want) {
		t.Errorf("%v, want %v", err, fault.want)
	}
	if unheard != nil {
		t.Errorf("unheard: %v", unheard)
	}
}

// Once something was refused or listed, a peer that does not hear it cannot
// know what an echo would belong to: the negotiation fails (R17).
func TestTortureUnheardRefusal(t *testing.T) {
	h, a, x, ls := messages(wire.Header), messages(apitest.NameA), messages("/nope"), messages(wire.LS)
	for _, chunks := range [][]string{
		{h + x, a}, {h + x + a}, {h, x, a}, {h, x + a}, {h + ls, a}, {h + ls + a}, streamtest.Bytewise(h + x + a), streamtest.Bytewise(h + ls + a),
	} {
		for _, unbuffered := range []bool{false, true} {
			s := streamtest.NewScript(chunks...)
			s.FailWrite = func(int, []byte) (int, error, bool) { return 0, syscall.EPIPE, true }
			err, _ := torture(t, apitest.Named("Negotiate"), s, unbuffered)
			if !errors.Is(err, syscall.EPIPE) {
				t.Errorf("%q: %v, want it to fail", chunks, err)
			}
		}
	}
}

// A stream that claims to have written more than it was given does no harm.
func TestTortureImpossibleWrite(t *testing.T) {
	for _, call := range apitest.Calls() {
		s := streamtest.NewScript(call.Peer...)
		s.FailWrite = func(_ int, p []byte) (int, error, bool) { return len(p) + 1, nil, true }
		torture(t, call, s, false)
	}
}
