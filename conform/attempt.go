package conform

import (
	"context"
	"errors"
	"io"
	"time"
)

// attempt is one initiator at work.
type attempt struct {
	cancel context.CancelFunc
	done   chan struct{} // closed when Run has returned
	err    error         // what it returned
}

// errStuck says that an initiator goes on for ever.
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

// wait waits until the initiator has returned and returns its error. Its stream
// has been ended, so that should not take long; after the timeout it is cancelled,
// and when that is no help it is left alone.
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

// stream returns the stream that the initiator opens. An initiator that returns
// without opening one, as it should when there is nothing to be said, has said
// nothing and ended the stream: that is what is returned. For what it opened
// just before it returned there is a moment.
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
		return nothing{}, nil
	}
	return nil, r.err
}

// nothing is the stream of an initiator that opened none.
type nothing struct{}

func (nothing) Read([]byte) (int, error)  { return 0, io.EOF }
func (nothing) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }
func (nothing) Close() error              { return nil }
