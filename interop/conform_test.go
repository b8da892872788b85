package interop

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/libp2p/go-yamux/v5"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/conform"
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
	mux := &multiselect.Muxer{Limits: multiselect.Limits{Budget: budget}}
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
			go mux.Handle(context.Background(), stream)
		}
	}()
	conform.TestResponder(t, conform.Responder{
		Dial:      func(ctx context.Context) (io.ReadWriteCloser, error) { return client.OpenStream(ctx) },
		Protocols: served,
		Budget:    budget,
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
	conform.TestInitiator(t, conform.Streams(open, propose), strictly)
}

// propose does what a case asks of an initiator.
func propose(ctx context.Context, stream io.ReadWriteCloser, task conform.Task) (err error) {
	defer stream.Close()
	client := &multiselect.Client{Limits: multiselect.Limits{Budget: task.Timeout}}
	switch {
	case task.Mode == "select":
		if _, err = client.SelectOneOf(ctx, stream, task.Protocols...); err == nil {
			echoTo(stream, stream)
		}
	case task.Mode == "ls":
		err = proposeFromList(ctx, client, stream, task)
	default:
		err = proposeLazily(ctx, client, stream, task)
	}
	if errors.Is(err, multiselect.ErrNotSupported) {
		return fmt.Errorf("%w: %w", conform.ErrRefused, err)
	}
	return err
}

// proposeFromList proposes the last name of the list, or what it is told if there is
// none.
func proposeFromList(ctx context.Context, client *multiselect.Client, stream io.ReadWriteCloser, task conform.Task) error {
	c := multiselect.NewCommunicator(stream)
	list, err := client.List(ctx, c)
	switch n := len(list.Names); {
	case err != nil && !errors.Is(err, multiselect.ErrNotSupported):
		return err
	case n > 0:
		err = client.TrySelect(ctx, c, list.Names[n-1])
	}
	if len(list.Names) == 0 || errors.Is(err, multiselect.ErrNotSupported) {
		_, err = client.SelectOneOfOver(ctx, c, task.Protocols...)
	}
	if err == nil {
		echoTo(stream, stream)
	}
	return err
}

func proposeLazily(ctx context.Context, client *multiselect.Client, stream io.ReadWriteCloser, task conform.Task) error {
	s, err := client.Lazy(ctx, stream, task.Protocols[0])
	if err == nil && task.Mode != "lazy-read" {
		_, err = io.WriteString(s, "early")
	}
	if err != nil {
		return err
	}
	defer s.Close()
	switch task.Mode {
	case "lazy-close":
		s.Close()
		return s.Wait(ctx)
	case "lazy-half":
		if err := s.CloseWrite(); err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, s)
		return err
	}
	_, err = io.Copy(s, s)
	return err
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
