package apitest

import (
	"context"
	"io"
	"testing"

	"github.com/multiselect/multiselect"
)

// Endless lets one connection carry one negotiation after the other: a responder that serves
// the names answers on it until it is closed. Each call of negotiate proposes names, and checks
// that the last one is agreed on.
func Endless(t testing.TB, serves, proposes []string, initiator, responder io.ReadWriteCloser) (negotiate func()) {
	t.Helper()
	m := Muxer(t, serves...)
	respond(t, initiator, func() error {
		_, _, err := m.Negotiate(context.Background(), responder)
		return err
	})
	want := proposes[len(proposes)-1]
	cl := new(multiselect.Client)
	return func() {
		if got, err := cl.SelectOneOf(context.Background(), initiator, proposes...); err != nil || got != want {
			t.Errorf("SelectOneOf = %.80q, %v", got, err)
		}
	}
}

// lazyRequest may be sent early.
const lazyRequest = "\x09request!\x00"

// EndlessLazy lets one connection carry one lazy stream after the other. Each call of
// negotiate sends a request with its proposal and reads the reply.
func EndlessLazy(t testing.TB, initiator, responder io.ReadWriteCloser) (negotiate func()) {
	t.Helper()
	m := Muxer(t, NameA)
	received := make([]byte, len(lazyRequest))
	respond(t, initiator, func() error {
		if _, _, err := m.Negotiate(context.Background(), responder); err != nil {
			return err
		}
		if _, err := io.ReadFull(responder, received); err != nil {
			return err
		}
		_, err := responder.Write(received)
		return err
	})
	cl := new(multiselect.Client)
	request, reply := []byte(lazyRequest), make([]byte, len(lazyRequest))
	return func() {
		l, err := cl.Lazy(context.Background(), initiator, NameA)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := l.Write(request); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(l, reply); err != nil || string(reply) != lazyRequest {
			t.Fatal(err)
		}
	}
}

// EndlessFloor is the least that a negotiation of one name can cost: each call of exchange
// writes as many bytes as the first flight has and reads as many, without a protocol.
func EndlessFloor(t testing.TB, initiator, responder io.ReadWriteCloser) (exchange func()) {
	t.Helper()
	received := make([]byte, len(LazyFlight))
	respond(t, initiator, func() error {
		if _, err := io.ReadFull(responder, received); err != nil {
			return err
		}
		_, err := responder.Write(received)
		return err
	})
	flight, reply := []byte(LazyFlight), make([]byte, len(LazyFlight))
	return func() {
		if _, err := initiator.Write(flight); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(initiator, reply); err != nil {
			t.Fatal(err)
		}
	}
}

// respond calls answer in a goroutine until it fails, which it does at the end of the test
// because the initiator is closed.
func respond(t testing.TB, initiator io.Closer, answer func() error) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for answer() == nil {
		}
	}()
	t.Cleanup(func() {
		initiator.Close()
		<-done
	})
}
