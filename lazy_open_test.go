package multiselect_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/wire"
)

func TestLazyNames(t *testing.T) {
	for _, name := range []string{
		"", "na", "ls", wire.Header, "/a\nb", "/" + strings.Repeat("x", 1023),
		"/a ", "/a\t", "/a\r", "/a\x00", " /a", "/a\u00a0", "\x00/a",
	} {
		a, _ := conns(plenty)
		l, err := new(multiselect.Client).Lazy(context.Background(), a, name)
		_, typed := errors.AsType[*multiselect.Error](err)
		if l != nil || !typed || !errors.Is(err, multiselect.ErrInvalidName) {
			t.Errorf("Lazy(%.20q) = %v, %v", name, l, err)
		}
		if len(a.wrote()) != 0 || len(a.ended()) != 1 {
			t.Errorf("%.20q: wrote %q, ended %q", name, a.wrote(), a.ended())
		}
	}
	a, _ := conns(plenty)
	cl := multiselect.Client{Limits: multiselect.Limits{MaxBytes: 5}}
	if _, err := cl.Lazy(context.Background(), a, nameA); !errors.Is(err, multiselect.ErrLimit) {
		t.Error(err)
	}
}

// The context's end is not the stream's, but for the calls that take one.
func TestLazyContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := conns(plenty)
		ctx, cancel := context.WithCancelCause(context.Background())
		l, err := new(multiselect.Client).Lazy(ctx, a, nameA)
		if err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(time.Second, func() { cancel(errEnough) })
		for _, err := range []error{l.Wait(ctx), second(l.Detach(ctx))} {
			if !errors.Is(err, context.Canceled) || !errors.Is(err, errEnough) {
				t.Error(err)
			}
		}
		agree(t, l, b)
		if s, err := l.Detach(ctx); err != nil || s != io.ReadWriteCloser(a) || l.Stream() != s {
			t.Errorf("Unwrap = %v, %v", s, err)
		}
	})
}

func second[A any](_ A, err error) error { return err }

// Streams that lack something say so.
func TestLazyLacks(t *testing.T) {
	a, b := conns(plenty)
	l := lazy(t, new(multiselect.Client), bare{a})
	for name, err := range map[string]error{
		"SetDeadline":      l.SetDeadline(time.Time{}),
		"SetReadDeadline":  l.SetReadDeadline(time.Time{}),
		"SetWriteDeadline": l.SetWriteDeadline(time.Time{}),
	} {
		if !errors.Is(err, os.ErrNoDeadline) {
			t.Errorf("%s = %v", name, err)
		}
	}
	nested := lazy(t, new(multiselect.Client), l)
	if err := nested.SetReadDeadline(time.Time{}); err != os.ErrNoDeadline {
		t.Errorf("nested: %v", err)
	}
	for name, err := range map[string]error{
		"CloseWrite":  l.CloseWrite(),
		"CloseRead":   l.CloseRead(),
		"SyscallConn": second(l.SyscallConn()),
	} {
		if err != errors.ErrUnsupported {
			t.Errorf("%s = %v", name, err)
		}
	}
	if l.LocalAddr() != nil || l.RemoteAddr() != nil {
		t.Error("addresses from nowhere")
	}
	agree(t, l, readWriter{strings.NewReader(flightLazy), b})
	mustWrite(t, b, "x")
	mustRead(t, l, "x")
}

type readWriter struct {
	io.Reader
	io.Writer
}

// What the kernel's connections have is passed on.
func TestLazyOverTCP(t *testing.T) {
	a, b := connected(t, "tcp")
	l := lazy(t, new(multiselect.Client), a)
	go echo(t).ServeStream(context.Background(), b)
	if l.LocalAddr() != a.LocalAddr() || l.RemoteAddr() != a.RemoteAddr() {
		t.Error("not its addresses")
	}
	raw, err := l.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if err := raw.Control(func(uintptr) {}); err != nil {
		t.Error(err)
	}
	file, err := os.Open("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := io.Copy(l, file); err != nil {
		t.Fatal(err)
	}
	if err := l.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	if _, err := io.Copy(&got, l); err != nil {
		t.Fatal(err)
	}
	want, _ := os.ReadFile("go.mod")
	if !bytes.Equal(got.Bytes(), want) {
		t.Errorf("%q came back", got.String())
	}
	l.Close()
}

// The stream can be had when writing is finished; the lazy stream stays as it is.
func TestLazyUnwrapAfterCloseWrite(t *testing.T) {
	a, b := conns(plenty)
	l := lazy(t, new(multiselect.Client), a)
	agree(t, l, b)
	if err := l.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if s, err := l.Detach(context.Background()); err != nil || s != io.ReadWriteCloser(a) {
		t.Errorf("Unwrap = %v, %v", s, err)
	}
	if _, err := l.Write([]byte("x")); err != net.ErrClosed || len(a.wrote()) != 1 {
		t.Errorf("Write = %v, on the wire: %q", err, a.wrote())
	}
}
