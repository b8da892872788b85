package reliability

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	multistream "github.com/multiformats/go-multistream"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/wire"
)

// library is what the scenes are played with. Everything is called as its
// documentation shows it, with its defaults.
type library struct {
	name  string
	lazy  func(stream io.ReadWriteCloser, protocol string) (lazyStream, error)
	eager func(stream io.ReadWriteCloser, protocol string) error
	// serve answers a peer's proposals and calls the handler of the one that it
	// agrees to. unheard is what became known of answers that could not be sent.
	serve func(stream io.ReadWriteCloser, handlers map[string]handler) (unheard, err error)
	// isRefusal and isMismatch find the error that says so on the eager path.
	isRefusal, isMismatch func(error) bool
	// isGoodbye finds the error of a responder whose peer has closed after a refusal.
	isGoodbye func(error) bool
}

type handler func(stream io.ReadWriteCloser)

type lazyStream interface {
	io.ReadWriteCloser
	Flush() error
}

var theirs = library{
	name: "theirs",
	lazy: func(stream io.ReadWriteCloser, protocol string) (lazyStream, error) {
		return multistream.NewMSSelect(stream, protocol), nil
	},
	eager: func(stream io.ReadWriteCloser, protocol string) error {
		return multistream.SelectProtoOrFail(protocol, stream)
	},
	serve: func(stream io.ReadWriteCloser, handlers map[string]handler) (unheard, err error) {
		mux := multistream.NewMultistreamMuxer[string]()
		for name, serve := range handlers {
			mux.AddHandler(name, func(_ string, stream io.ReadWriteCloser) error {
				serve(stream)
				return nil
			})
		}
		return nil, mux.Handle(stream)
	},
	isRefusal: func(err error) bool { return errors.Is(err, multistream.ErrNotSupported[string]{}) },
	isMismatch: func(err error) bool {
		_, ok := errors.AsType[multistream.ErrUnrecognizedResponse[string]](err)
		return ok || errors.Is(err, multistream.ErrIncorrectVersion)
	},
	isGoodbye: func(err error) bool { return errors.Is(err, io.EOF) },
}

var ours = library{
	name: "ours",
	lazy: func(stream io.ReadWriteCloser, protocol string) (lazyStream, error) {
		l, err := new(multiselect.Client).Lazy(context.Background(), stream, protocol)
		if err != nil {
			return nil, err
		}
		return l, nil
	},
	eager: func(stream io.ReadWriteCloser, protocol string) error {
		_, err := new(multiselect.Client).SelectOneOf(context.Background(), stream, protocol)
		return err
	},
	serve: func(stream io.ReadWriteCloser, handlers map[string]handler) (unheard, err error) {
		mux := new(multiselect.Muxer)
		for name, serve := range handlers {
			mux.AddHandler(name, func(_ context.Context, _ string, stream io.ReadWriteCloser) { serve(stream) })
		}
		ctx := multiselect.WithTrace(context.Background(), &multiselect.Trace{
			Done: func(o multiselect.Outcome) { unheard = o.WriteErr },
		})
		err = mux.ServeStream(ctx, stream)
		return unheard, err
	},
	isRefusal: func(err error) bool { return errors.Is(err, multiselect.ErrNotSupported) },
	isMismatch: func(err error) bool {
		return errors.Is(err, multiselect.ErrUnexpectedAnswer) || errors.Is(err, multiselect.ErrNotMultistream)
	},
	isGoodbye: func(err error) bool { return errors.Is(err, multiselect.ErrGaveUp) },
}

// What the scenes say. The request is one that may travel early.
const (
	proposal = wire.HeaderFrame + "\x03/a\n"
	refusal  = wire.HeaderFrame + "\x03na\n"
	request  = "\x07request"
)

// open makes a lazy stream for /a.
func (lib *library) open(t *testing.T, stream io.ReadWriteCloser) lazyStream {
	t.Helper()
	l, err := lib.lazy(stream, "/a")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// write writes what must get through.
func write(t *testing.T, w io.Writer, text string) {
	t.Helper()
	if n, err := io.WriteString(w, text); n != len(text) || err != nil {
		t.Errorf("Write(%.20q) = %d, %v", text, n, err)
	}
}

// read reads what must arrive.
func read(t *testing.T, r io.Reader, want string) {
	t.Helper()
	got := make([]byte, len(want))
	if n, err := io.ReadFull(r, got); string(got[:n]) != want {
		t.Errorf("Read = %.40q, %v, want %.40q", got[:n], err, want)
	}
}

// A lazy stream of theirs has neither deadlines nor halves: its users turn to the
// stream below.

type deadlines interface {
	SetReadDeadline(t time.Time) error
	SetWriteDeadline(t time.Time) error
}

func deadlinesOf(l lazyStream, below net.Conn) deadlines {
	if d, ok := l.(deadlines); ok {
		return d
	}
	return below
}

type halves interface {
	CloseRead() error
	CloseWrite() error
}

func halvesOf(l lazyStream, below io.ReadWriteCloser) halves {
	if h, ok := l.(halves); ok {
		return h
	}
	return below.(halves)
}

// aDay is when a scene in fake time gives up.
const aDay = 24 * time.Hour

// takes says how long a call takes, in fake time.
func takes(call func()) string {
	start := time.Now()
	done := make(chan struct{})
	go func() {
		defer close(done)
		call()
	}()
	select {
	case <-done:
		return "returns after " + time.Since(start).String()
	case <-time.After(aDay):
		return "is still blocked after 24h"
	}
}
