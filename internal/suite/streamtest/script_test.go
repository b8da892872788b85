package streamtest_test

import (
	"errors"
	"io"
	"net"
	"slices"
	"testing"

	"github.com/multiselect/multiselect/internal/streamtest"
)

func TestScript(t *testing.T) {
	s := streamtest.NewScript("abc", "d")
	for _, want := range []string{"ab", "c", "d"} {
		if got, err := read(s, 2); got != want || err != nil {
			t.Errorf("Read = %q, %v; want %q", got, err, want)
		}
	}
	if _, err := read(s, 2); err != io.EOF {
		t.Error(err)
	}
	s.End = errors.ErrUnsupported
	if _, err := read(s, 2); err != errors.ErrUnsupported {
		t.Error(err)
	}
	streamtest.MustWrite(t, s, "x")
	streamtest.MustWrite(t, s, "yz")
	s.Close()
	s.Close()
	if _, err := read(s, 2); err != net.ErrClosed {
		t.Error(err)
	}
	if s.Reads != 6 || s.Writes != 2 || string(s.Written) != "xyz" || !slices.Equal(s.Ended, []string{"close", "close"}) {
		t.Errorf("%d reads, %d writes, %q, ended %q", s.Reads, s.Writes, s.Written, s.Ended)
	}
}

// The chunks of the caller stay as they are.
func TestScriptClones(t *testing.T) {
	chunks := []string{"abc"}
	read(streamtest.NewScript(chunks...), 2)
	if chunks[0] != "abc" {
		t.Errorf("the chunk is %q", chunks[0])
	}
}

func TestScriptHooks(t *testing.T) {
	s := streamtest.NewScript("abc", "def")
	var seen []int
	s.OnRead = func(p []byte) { seen = append(seen, len(p), len(s.Rest())) }
	s.OnWrite = func(p []byte) { s.Chunks = append(s.Chunks, string(p)) }
	s.FailRead = func(call int, _ []byte) (int, error, bool) { return 0, io.ErrNoProgress, call == 1 }
	s.FailWrite = func(call int, p []byte) (int, error, bool) { return len(p) + 1, nil, call == 1 }
	if got, err := read(s, 3); got != "abc" || err != nil {
		t.Errorf("Read = %q, %v", got, err)
	}
	if _, err := s.Read(nil); err != io.ErrNoProgress {
		t.Error(err)
	}
	streamtest.MustWrite(t, s, "1")
	if n, err := s.Write([]byte("23")); n != 3 || err != nil {
		t.Errorf("Write = %d, %v", n, err)
	}
	if s.Rest() != "def123" || string(s.Written) != "123" || !slices.Equal(seen, []int{3, 6, 0, 3}) {
		t.Errorf("rest %q, written %q, reads %v", s.Rest(), s.Written, seen)
	}
	s.Locked(func() { s.End = nil })
}
