package main

import (
	"bytes"
	"context"
	"io"

	"github.com/multiselect/multiselect/cmd/mss/internal/attempt"
	"github.com/multiselect/multiselect/cmd/mss/internal/exit"
)

// waitForInput waits for the first bytes of in, or its end. If ctx ends first, a
// goroutine stays blocked in a Read of in.
func waitForInput(ctx context.Context, in io.Reader) (attempt.Opening, error) {
	type result struct {
		attempt.Opening
		err error
	}
	arrived := make(chan result, 1)
	go func() {
		buffer := make([]byte, attempt.MaxFirst)
		n, err := io.ReadAtLeast(localReader{in}, buffer, 1)
		if err == io.EOF {
			arrived <- result{attempt.Opening{Ended: true}, nil}
			return
		}
		arrived <- result{attempt.Opening{First: buffer[:n]}, err}
	}()
	select {
	case <-ctx.Done():
		return attempt.Opening{}, &exit.Error{Code: exit.Code(context.Cause(ctx)), Err: context.Cause(ctx)}
	case r := <-arrived:
		return r.Opening, r.err
	}
}

// rest returns what follows the part of standard input that was sent. It does not read again after the end:
// a terminal would wait for another one.
func rest(o attempt.Opening, in io.Reader) io.Reader {
	if o.Ended {
		return bytes.NewReader(nil)
	}
	return io.MultiReader(bytes.NewReader(o.First), in)
}
