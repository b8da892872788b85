package otelmultiselect

import (
	"context"
	"fmt"
	"io"
	"net"
	"testing"

	"github.com/multiselect/multiselect"
)

// Registered protocols keep metrics of their own, whatever names strangers propose: names that are
// refused, and names that a matcher accepts, if the protocol is in Options.Protocols.
func TestRegisteredNames(t *testing.T) {
	w := watch(t, Options{Protocols: []string{"/pay/1.0.0"}, MaxNames: 8})
	muxer := multiselect.Muxer{Limits: multiselect.Limits{MaxProposals: multiselect.NoLimit}}
	ignore := func(context.Context, string, io.ReadWriteCloser) {}
	for _, name := range []string{"/orders/1.0.0", "/pay/1.0.0"} {
		if err := muxer.AddHandler(name, ignore); err != nil {
			t.Fatal(err)
		}
	}
	if err := muxer.AddMatcher(multiselect.MatchPrefix("/chat/"), ignore); err != nil {
		t.Fatal(err)
	}
	dial := func(names ...string) {
		here, there := net.Pipe()
		defer here.Close()
		done := make(chan error, 1)
		go func() { done <- muxer.ServeStream(w.Context(t.Context()), there) }()
		new(multiselect.Client).SelectOneOf(t.Context(), here, names...)
		here.Close()
		<-done
	}
	var junk []string
	for i := range 64 {
		junk = append(junk, fmt.Sprintf("/scan/%d", i))
	}
	dial(junk...)
	dial("/orders/1.0.0")
	for i := range 20 {
		dial(fmt.Sprintf("/chat/%d", i))
	}
	dial("/orders/1.0.0")
	dial("/pay/1.0.0")
	points := w.points(t)
	for key, want := range map[string]string{
		"negotiations{blame=none outcome=agreed protocol=/orders/1.0.0 role=responder}": "2",
		"negotiations{blame=none outcome=agreed protocol=/pay/1.0.0 role=responder}":    "1",
		"negotiations{blame=none outcome=agreed protocol=_OTHER role=responder}":        "13",
		"refused{protocol=/scan/7 role=responder}":                                      "1",
		"refused{protocol=_OTHER role=responder}":                                       "56",
	} {
		if points[key] != want {
			t.Errorf("%s = %q, want %q", key, points[key], want)
		}
	}
}

// A lazy stream that is not used, or forgotten, counts as nothing.
func TestUnusedLazy(t *testing.T) {
	w := watch(t, Options{})
	for _, end := range []func(*multiselect.LazyStream) error{
		(*multiselect.LazyStream).Reset,
		func(*multiselect.LazyStream) error { return nil }, // forgotten
	} {
		lazy, err := new(multiselect.Client).Lazy(w.Context(t.Context()), silence(), "/a")
		if err != nil {
			t.Fatal(err)
		}
		if err := end(lazy); err != nil {
			t.Error(err)
		}
	}
	if points, spans := w.points(t), w.spans.GetSpans(); len(points) > 0 || len(spans) > 0 {
		t.Errorf("%q, %d spans", points, len(spans))
	}
}

// lateScript is a script whose peer sends nothing before answers is closed.
type lateScript struct {
	*script
	answers chan struct{}
}

func (s lateScript) Read(p []byte) (int, error) {
	<-s.answers
	return s.script.Read(p)
}
