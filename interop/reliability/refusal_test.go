package reliability

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/multiselect/multiselect/wire"
)

// The scenes of what a refusal is, and of names.

// serveTheirs has go-multistream, which many peers are, respond to both: what a
// refused initiator does to others must not depend on who they are.
func serveTheirs(t *testing.T, far io.ReadWriteCloser) (ran func() string) {
	t.Helper()
	what := "no handler runs"
	done := make(chan struct{})
	serve := func(name string) handler {
		return func(stream io.ReadWriteCloser) {
			got, _ := io.ReadAll(stream)
			what = fmt.Sprintf("%s runs, and reads %q", name, got)
		}
	}
	handlers := map[string]handler{"/b": serve("/b"), "/c": serve("/c")}
	go func() {
		defer close(done)
		theirs.serve(far, handlers)
	}()
	return func() string {
		<-done
		return what
	}
}

func refusedPayload(t *testing.T, lib *library) string {
	near, far := yamuxPair(t)
	ran := serveTheirs(t, far)
	l := lib.open(t, near)
	l.Write([]byte("\x03/b\nDELETE"))
	l.Close()
	return "/a is refused, " + ran()
}

// nested: a lazy stream inside of another one, as one has who negotiates a secure
// channel and then the protocol in it.
func nested(t *testing.T, lib *library) string {
	near, far := yamuxPair(t)
	what := "no handler runs"
	done := make(chan struct{})
	go func() {
		defer close(done)
		theirs.serve(far, map[string]handler{"/a": func(stream io.ReadWriteCloser) {
			got, _ := io.ReadAll(stream)
			what = fmt.Sprintf("/a runs in the clear, and reads %q", got)
		}})
	}()
	secure, err := lib.lazy(near, "/secure")
	if err != nil {
		t.Fatal(err)
	}
	l := lib.open(t, secure)
	l.Write([]byte(request))
	l.Close()
	<-done
	return "/a was to run inside of /secure, which is refused: " + what
}

func refusedWrites(t *testing.T, lib *library) string {
	near, far := yamuxPair(t)
	l := lib.open(t, near)
	write(t, l, request)
	read(t, far, proposal+request)
	write(t, far, refusal)
	_, onRead := l.Read(make([]byte, 1))
	_, onWrite := io.WriteString(l, "and forget")
	onFlush := l.Flush()
	onClose := l.Close()
	sent, _ := io.ReadAll(far)
	return fmt.Sprintf("ErrNotSupported from Read: %v, Write: %v, Flush: %v, Close: %v; bytes sent afterwards: %d",
		lib.isRefusal(onRead), lib.isRefusal(onWrite), lib.isRefusal(onFlush), lib.isRefusal(onClose), len(sent))
}

func mismatch(t *testing.T, lib *library) string {
	hasName := func(said string, begin func(stream io.ReadWriteCloser) error) bool {
		near, far := yamuxPair(t)
		write(t, far, said)
		far.CloseWrite()
		err := begin(near)
		if err == nil {
			t.Errorf("%q is taken for an agreement", said)
		}
		return lib.isMismatch(err)
	}
	eager := func(stream io.ReadWriteCloser) error { return lib.eager(stream, "/a") }
	lazy := func(stream io.ReadWriteCloser) error {
		_, err := lib.open(t, stream).Read(make([]byte, 1))
		return err
	}
	const answer, header = wire.HeaderFrame + "\x03/b\n", "\x13/multistream/2.0.0\n\x03/a\n"
	return fmt.Sprintf("an error with a name for another answer: eager %v, lazy %v; for another header: eager %v, lazy %v",
		hasName(answer, eager), hasName(answer, lazy), hasName(header, eager), hasName(header, lazy))
}

func names(t *testing.T, lib *library) string {
	all := []string{
		"", wire.NA, wire.LS, wire.Header, "/a\n", "/a\n/b", "/" + strings.Repeat("x", 1023), // reserved, or too long
		" /a", "/a ", "/a\t", "/a\r", "/a\x00", // equal to /a where names are trimmed
	}
	taken := 0
	for _, name := range all {
		near, far := yamuxPair(t)
		l, err := lib.lazy(near, name)
		if err == nil {
			taken++
			go l.Flush()
			continue
		}
		if sent, _ := io.ReadAll(far); len(sent) > 0 {
			t.Errorf("%.20q is refused with %v, and %q is sent", name, err, sent)
		}
	}
	return fmt.Sprintf("of %d names that are reserved, too long or trimmed by some responders, %d are accepted", len(all), taken)
}
