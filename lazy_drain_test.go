package multiselect_test

import (
	"context"
	"slices"
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

// connection is a stream without a reset, whose Close may drop what the peer has
// not read, as that of TCP does where something unread has arrived.
type connection struct{ *conn }

func (connection) Reset(never) {}

type never struct{}

// There what the peer still says is taken off before the Close, for as long as the
// budget allows.
func TestLazyCloseOfConnection(t *testing.T) {
	for takes, peer := range map[time.Duration]func(b *conn){
		4 * time.Second: func(b *conn) {
			b.Write([]byte(flightLazy))
			time.Sleep(4 * time.Second)
			b.CloseWrite()
		},
		10 * time.Second: func(b *conn) { b.Write([]byte(flightLazy)) },
	} {
		synctest.Test(t, func(t *testing.T) {
			a, b := conns(plenty)
			l := lazy(t, new(multiselect.Client), connection{a})
			wrote(t, l, b)
			start := time.Now()
			if err := l.Close(); err != nil {
				t.Error(err)
			}
			go peer(b)
			if err := l.Wait(context.Background()); err != nil {
				t.Error(err)
			}
			awaitLingers(t, start.Add(takes))
			if ends := a.ended(); !slices.Equal(ends, []string{"closewrite", "close"}) {
				t.Errorf("after %v: ended %q", takes, ends)
			}
			b.Reset()
		})
	}
}
