package multiselect_test

import (
	"context"
	"slices"
	"testing"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/internal/apitest"
	"github.com/multiselect/multiselect/internal/streamtest"
	"github.com/multiselect/multiselect/wire"
)

// Handshake takes the header and nothing else, so that the caller can go on by
// itself.
func TestHandshakeReadsNoFurther(t *testing.T) {
	s := streamtest.NewScript(say(wire.Header, apitest.NameA) + "data")
	c := multiselect.NewCommunicator(s)
	if err := apitest.Muxer(t, apitest.NameA).Handshake(context.Background(), c); err != nil {
		t.Fatal(err)
	}
	if got, err := c.ReadMessage(); got != apitest.NameA || err != nil || s.Rest() != "data" {
		t.Errorf("read %q, %v; left %q", got, err, s.Rest())
	}
}

// A name that a matcher stands for is there, once, while it comes and goes as a
// name of its own.
func TestProtocolsDuringChange(t *testing.T) {
	var m multiselect.Muxer
	if err := m.AddMatcher(multiselect.MatchMajor("/foo/1.0.0"), apitest.NoHandler); err != nil {
		t.Fatal(err)
	}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
				m.AddHandler("/foo/1.0.0", apitest.NoHandler)
				m.RemoveHandler("/foo/1.0.0")
			}
		}
	}()
	for range 20_000 {
		if got := m.Protocols(); !slices.Equal(got, []string{"/foo/1.0.0"}) {
			t.Errorf("Protocols() = %q", got)
			break
		}
	}
	close(stop)
	<-stopped
}
