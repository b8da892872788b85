package interop

import (
	"context"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/libp2p/go-yamux/v5"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/conform"
	"github.com/multiselect/multiselect/internal/subject"
)

// The conformance suite over streams of yamux, which have resets and a half-close
// of their own. Package conform has it over TCP, unix sockets and net.Pipe.
var strictly = conform.Options{Strict: true, Quiet: 50 * time.Millisecond, Timeout: 10 * time.Second}

func TestConformResponderOverYamux(t *testing.T) {
	testResponderOverYamux(t, 0, strictly)
	soon := strictly // the cases about a budget, with one that can be waited for
	soon.Select = regexp.MustCompile("^R24-")
	testResponderOverYamux(t, 100*time.Millisecond, soon)
}

func testResponderOverYamux(t *testing.T, budget time.Duration, o conform.Options) {
	served := []string{"/echo/1.0.0", "/echo/2.0.0", "svc/raw", "/conform9", "/" + strings.Repeat("L", 200)}
	mux := &multiselect.Muxer{Limits: multiselect.Limits{Timeout: budget}}
	for _, name := range served {
		if err := mux.AddHandler(name, func(_ context.Context, _ string, s io.ReadWriteCloser) { echoTo(s, s) }); err != nil {
			t.Fatal(err)
		}
	}
	client, server := yamuxSessions(t)
	go func() {
		for {
			stream, err := server.AcceptStream()
			if err != nil {
				return
			}
			go mux.ServeStream(context.Background(), stream)
		}
	}()
	conform.TestResponder(t, conform.Responder{
		Dial:      func(ctx context.Context) (io.ReadWriteCloser, error) { return client.OpenStream(ctx) },
		Protocols: served,
		Timeout:   budget,
	}, o)
}

func TestConformInitiatorOverYamux(t *testing.T) {
	client, server := yamuxSessions(t)
	open := func() (initiators, testers io.ReadWriteCloser, err error) {
		if initiators, err = client.OpenStream(context.Background()); err != nil {
			return nil, nil, err
		}
		testers, err = server.AcceptStream()
		return initiators, testers, err
	}
	conform.TestInitiator(t, conform.PipeInitiator(open, subject.Do), strictly)
}

func echoTo(w io.WriteCloser, r io.Reader) {
	io.Copy(w, r)
	w.Close()
}

// yamuxSessions are two ends of yamux on a TCP connection.
func yamuxSessions(t *testing.T) (client, server *yamux.Session) {
	t.Helper()
	near, far := openTCP(t)
	near.SetDeadline(time.Time{})
	far.SetDeadline(time.Time{})
	config := yamux.DefaultConfig()
	config.LogOutput = io.Discard
	client, err := yamux.Client(near, config, nil)
	if err != nil {
		t.Fatal(err)
	}
	if server, err = yamux.Server(far, config, nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		client.Close()
		server.Close()
	})
	return client, server
}
