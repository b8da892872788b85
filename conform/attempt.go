package conform

import (
	"context"
	"errors"
	"io"
	"time"
)

// attempt is one run of an initiator.
type attempt struct {
	cancel context.CancelFunc
	done   chan struct{} // closed when Run has returned
	err    error         // from Run
}

// errStuck means that an initiator did not return.
var errStuck = errors.New("the initiator did not return when its stream was ended")

// begin starts the initiator. It is cancelled with ctx.
func (i *Initiator) begin(ctx context.Context, task Task) *attempt {
	ctx, cancel := context.WithCancel(ctx)
	a := &attempt{cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(a.done)
		a.err = i.Run(ctx, task)
	}()
	return a
}

// wait waits until the initiator has returned, and returns its error. The stream has been
// ended, so the initiator should return soon. After the timeout wait cancels it, and after
// another timeout it gives up.
func (a *attempt) wait(timeout time.Duration) error {
	for range 2 {
		timer := time.NewTimer(timeout)
		defer timer.Stop()
		select {
		case <-a.done:
			return a.err
		case <-timer.C:
			a.cancel()
		}
	}
	return errStuck
}

// stream returns the stream that the initiator opens. An initiator with no valid name to
// propose should return without opening one; then stream returns a stream that is empty
// and ended. It waits a moment after the return of the initiator, because a stream that was
// opened just before may still have to be accepted.
func (a *attempt) stream(ctx context.Context, accept func(context.Context) (io.ReadWriteCloser, error), moment time.Duration) (io.ReadWriteCloser, error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	type accepted struct {
		conn io.ReadWriteCloser
		err  error
	}
	result := make(chan accepted, 1)
	go func() {
		conn, err := accept(ctx)
		result <- accepted{conn, err}
	}()
	select {
	case r := <-result:
		return r.conn, r.err
	case <-a.done:
	}
	timer := time.AfterFunc(moment, stop)
	defer timer.Stop()
	r := <-result
	if r.err == nil {
		return r.conn, nil
	}
	switch {
	case errors.Is(a.err, errNotStarted):
		return nil, a.err
	case a.err != nil && !errors.Is(a.err, errors.ErrUnsupported):
		return unopened{}, nil
	}
	return nil, r.err
}

// unopened is the stream of an initiator that opened none.
type unopened struct{}

func (unopened) Read([]byte) (int, error)  { return 0, io.EOF }
func (unopened) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }
func (unopened) Close() error              { return nil }
