package multiselect_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/multiselect/multiselect"
)

// drained is a stream whose CloseWrite waits until the peer has read everything, as
// that of go-libp2p's mocknet does.
type drained struct{ *conn }

func (d drained) CloseWrite() error {
	d.out.mu.Lock()
	defer d.out.mu.Unlock()
	if err := d.out.wait(func() bool { return len(d.out.bytes) == 0 }, &d.out.writeBy); err != nil {
		return err
	}
	d.out.ended = true
	d.out.change.Broadcast()
	return nil
}

// The peer may not read on before its answer is read, and this side's CloseWrite may
// wait for the peer to read on.
func TestLazyCloseDrains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := conns(10)
		start := time.Now()
		go func() {
			mustRead(t, b, flightLazy)
			mustWrite(t, b, flightLazy) // more than there is room for
			mustRead(t, b, "request")
			b.Close()
		}()
		l := lazy(t, new(multiselect.Client), drained{a})
		mustWrite(t, l, "request")
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		awaitLingers(t, start)
		if err := l.Wait(context.Background()); err != nil || time.Since(start) != 0 {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}
