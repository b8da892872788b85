package serving

import (
	"context"
	"fmt"
	"io"
	"testing"

	"github.com/multiselect/multiselect"

	"github.com/multiselect/multiselect/cmd/mss/internal/attempt"
	"github.com/multiselect/multiselect/cmd/mss/internal/transport"
)

// startCrowdServer serves routes on an address of any form, and returns it and what a
// client needs to trust it.
func startCrowdServer(t *testing.T, where string, routes ...Route) *attempt.Peer {
	t.Helper()
	srv, err := New(Config{Routes: routes, Log: new(Log)})
	if err != nil {
		t.Fatal(err)
	}
	ln := serve(t, srv, where)
	return attempt.NewPeer(ln.Address, ln.Address.String(), &transport.Trust{Pin: ln.Fingerprint})
}

// A thousand streams of one connection negotiate at the same time, each for a
// protocol of its own, half of them lazily. Each gets its own protocol, and the
// bytes that belong to it.
func TestCrowd(t *testing.T) {
	const crowd = 1000
	var routes []Route
	for i := range crowd {
		routes = append(routes, Route{fmt.Sprintf("/crowd/%d", i), target{"static", fmt.Sprintf("this is %d", i)}})
	}
	for _, where := range []string{"yamux://127.0.0.1:0", "quic://127.0.0.1:0"} {
		t.Run(where, func(t *testing.T) {
			p := startCrowdServer(t, where, routes...)
			l, err := p.Connect(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			start, results := make(chan struct{}), make(chan error, crowd)
			for i := range crowd {
				go func() {
					<-start
					results <- member(t.Context(), l, i)
				}()
			}
			close(start)
			failed := 0
			for range crowd {
				if err := <-results; err != nil {
					if failed++; failed <= 5 {
						t.Error(err)
					}
				}
			}
			if failed > 0 {
				t.Errorf("%d of %d failed", failed, crowd)
			}
		})
	}
}

// member negotiates on one stream, and reads what its protocol has to say.
func member(ctx context.Context, l transport.Link, i int) error {
	conn, err := l.Open(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	var client multiselect.Client
	var stream io.ReadWriter = conn
	protocol := fmt.Sprintf("/crowd/%d", i)
	if i%2 == 0 {
		lazy, err := client.Lazy(ctx, conn, protocol)
		if err != nil {
			return err
		}
		defer lazy.Close()
		stream = lazy
	} else if agreed, err := client.SelectOneOf(ctx, conn, "/crowd/none", protocol); err != nil || agreed != protocol {
		return fmt.Errorf("%s: agreed on %q, %v", protocol, agreed, err)
	}
	said, err := io.ReadAll(stream)
	if want := fmt.Sprintf("this is %d", i); err != nil || string(said) != want {
		return fmt.Errorf("%s said %q, %v; want %q", protocol, said, err, want)
	}
	return nil
}
