package netmux_test

import (
	"context"
	"io"
	"net"
	"runtime"
	"testing"
	"testing/synctest"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/netmux"
)

// slowLink is a link whose Close waits for its peer until done.
type slowLink struct {
	*memoryLink
	done chan struct{}
}

func (l slowLink) Close() error {
	<-l.done
	return l.memoryLink.Close()
}

// The connection below a link that is evicted ends before Close of the link, which can wait for
// the peer: its descriptor is free for the link in whose favor it was evicted.
func TestEvictedLinkFreesDescriptor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &netmux.Server{MaxLinks: 1, Logger: quiet}
		done := make(chan struct{})
		l := newMemoryListener()
		served := make(chan error, 1)
		go func() {
			served <- s.ServeLinks(l, func(context.Context, net.Conn) (netmux.Link, error) {
				return slowLink{newMemoryLink("10.0.0.1"), done}, nil
			})
		}()
		first := l.dial(t)
		synctest.Wait()
		second := l.dial(t)
		if _, err := first.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("the evicted one: %v", err)
		}
		synctest.Wait()
		if isEnded(second) || s.Stats().Links != 1 {
			t.Errorf("the new one has ended: %+v", s.Stats())
		}
		close(done)
		if err := s.Shutdown(background); err != nil {
			t.Error(err)
		}
		<-served
		second.Close()
		checkEnded(t, s)
	})
}

// A connection may be evicted between the end of its negotiation and the report of it.
func TestEvictedAfterList(t *testing.T) {
	s := &netmux.Server{MaxHalfOpen: 1, Logger: quiet}
	awaitSecond := func() {
		for s.Stats().Accepted < 2 { // no event: that would order what may be concurrent
			runtime.Gosched()
		}
	}
	ended := make(chan struct{}, 2)
	s.ConnContext = func(ctx context.Context, _ net.Conn) context.Context {
		return multiselect.WithTrace(ctx, &multiselect.Trace{Done: func(multiselect.Outcome) {
			ended <- struct{}{}
			awaitSecond()
		}})
	}
	echoing(t, s, echo)
	l, stop := serve(t, s)
	first := l.dial(t)
	if _, err := new(multiselect.Client).List(background, multiselect.NewCommunicator(first)); err != nil {
		t.Fatal(err)
	}
	first.Close()
	<-ended
	second := l.dial(t)
	for s.Stats().Answered < 1 {
		runtime.Gosched()
	}
	second.Close()
	stop()
	if st := s.Stats(); st.Answered != 1 || st.Failed != 1 {
		t.Errorf("%+v", st)
	}
}
