package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/multiselect/multiselect"
)

// opening is what a lazy dial has of standard input before it connects.
type opening struct {
	first []byte // never more than mostFirst
	ended bool   // there is nothing, and nothing will come
}

// mostFirst is what the library puts into one write with the proposal, and
// what any new connection takes without a peer that reads.
const mostFirst = 4096

// waitForInput waits for the first bytes of in, or its end. If ctx ends first, a
// read is left behind for input that nobody wants.
func waitForInput(ctx context.Context, in io.Reader) (opening, error) {
	type result struct {
		opening
		err error
	}
	arrived := make(chan result, 1)
	go func() {
		buffer := make([]byte, mostFirst)
		n, err := io.ReadAtLeast(localReader{in}, buffer, 1)
		if err == io.EOF {
			arrived <- result{opening{ended: true}, nil}
			return
		}
		arrived <- result{opening{first: buffer[:n]}, err}
	}()
	select {
	case <-ctx.Done():
		return opening{}, &failure{code: exitCode(context.Cause(ctx)), err: context.Cause(ctx)}
	case r := <-arrived:
		return r.opening, r.err
	}
}

// checkLazy finds what the library would refuse to propose lazily, before there
// is a connection.
func checkLazy(args []string) error {
	if len(args) != 1 {
		return usagef("dial --lazy takes one PROTOCOL and not %d: what travels with the proposal is meant for one", len(args))
	}
	nowhere, _ := net.Pipe()
	_, err := new(multiselect.Client).Lazy(context.Background(), nowhere, args[0])
	if e, ok := errors.AsType[*multiselect.Error](err); ok {
		return usagef("%v\nnothing was sent: some responders trim names; without --lazy it can be proposed", e.Err)
	}
	return err
}

// negotiateLazy is negotiate for lazy streams: it waits for standard input, and
// sends its first bytes, or its end, with the proposal. It returns what remains of
// standard input as well, and fails if that fails.
func (a *attempt) negotiateLazy(ctx context.Context, f *dialFlags, s *stdio) (*talk, io.Reader, error) {
	o, err := waitForInput(ctx, s.in)
	if err != nil {
		return nil, nil, err
	}
	began := time.Now()
	limited, cancel := f.within(ctx)
	defer cancel()
	t, err := a.start(limited, &f.peerFlags, s)
	if err == nil {
		t.client.Unguarded = f.unguarded
		if end, ok := limited.Deadline(); ok {
			t.client.Limits.Timeout = max(time.Until(end), 1)
		}
		err = a.propose(ctx, t, &o)
	}
	a.elapsed = time.Since(began)
	if a.fail(err); err == nil {
		a.protocol = a.protocols[0]
		return t, o.rest(s.in), nil
	}
	if t != nil {
		if isRefusal(err) {
			a.refused = a.protocols
		}
		t.conn.Close()
	}
	return nil, nil, nil
}

// propose makes the proposal, takes off o.first what was sent of it, and waits for
// the outcome.
//
// Nobody waits for the answer while the first bytes are written, but for the
// write itself if it has to. So if the stream is pending afterwards, they have left
// before the answer; and what follows them in standard input never does.
func (a *attempt) propose(ctx context.Context, t *talk, o *opening) error {
	stream, err := t.client.Lazy(t.record.watch(ctx, t.live), t.conn, a.protocols[0])
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { stream.Reset() })()
	// What fails here does not decide: the peer may have answered all the same.
	if o.ended {
		if stream.CloseWrite() == nil {
			t.note("standard input is empty: its end went with the proposal")
		}
	} else {
		n, _ := stream.Write(o.first)
		switch {
		case stream.State() != multiselect.LazyPending:
			t.note(amount(len(o.first)) + " waited for the answer")
		case n > 0:
			a.early = n
			t.note(amount(n) + " of early data")
		}
		o.first = o.first[n:]
	}
	outcome := stream.Wait(context.Background()) // and not ctx: the record must be complete
	if outcome != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return outcome
}

// note adds a comment to the transcript. Nobody may negotiate meanwhile.
func (t *talk) note(text string) {
	fmt.Fprintf(io.MultiWriter(&t.record.text, t.live), "# %s\n", text)
}

func amount(n int) string {
	if n == 1 {
		return "1 byte"
	}
	return fmt.Sprintf("%d bytes", n)
}

// rest returns what remains of standard input. An end that was seen is not asked
// for again: on a terminal there would be another one to wait for.
func (o opening) rest(in io.Reader) io.Reader {
	if o.ended {
		return bytes.NewReader(nil)
	}
	return io.MultiReader(bytes.NewReader(o.first), in)
}
