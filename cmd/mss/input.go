package main

import (
	"bytes"
	"context"
	"io"
)

// waitForInput waits for the first bytes of in, or its end. If ctx ends first, a
// goroutine stays blocked in a Read of in.
func waitForInput(ctx context.Context, in io.Reader) (opening, error) {
	type result struct {
		opening
		err error
	}
	arrived := make(chan result, 1)
	go func() {
		buffer := make([]byte, maxFirst)
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

// rest returns what follows the part of standard input that was sent. It does not read again after the end:
// a terminal would wait for another one.
func rest(o opening, in io.Reader) io.Reader {
	if o.ended {
		return bytes.NewReader(nil)
	}
	return io.MultiReader(bytes.NewReader(o.first), in)
}
