package streamtest_test

import (
	"errors"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/multiselect/multiselect/internal/streamtest"
)

func TestCounter(t *testing.T) {
	a, b := streamtest.TCP(t)
	calls := 0
	c := &streamtest.Counter{Conn: a, OnCall: func() { calls++ }}
	streamtest.MustWrite(t, c, "12")
	streamtest.MustWrite(t, b, "345")
	streamtest.MustRead(t, c, "345")
	c.SetDeadline(time.Time{})
	c.SetReadDeadline(time.Time{})
	c.SetWriteDeadline(time.Time{})
	reads := c.Reads.Load()
	if reads < 1 || c.Writes.Load() != 1 || c.BytesRead.Load() != 3 || c.BytesWritten.Load() != 2 ||
		c.Deadlines.Load() != 3 || calls != int(reads)+1 {
		t.Errorf("%d reads of %d bytes, %d writes of %d, %d deadlines, %d calls",
			reads, c.BytesRead.Load(), c.Writes.Load(), c.BytesWritten.Load(), c.Deadlines.Load(), calls)
	}
	c.ResetCounts()
	if sum := c.Reads.Load() + c.Writes.Load() + c.BytesRead.Load() + c.BytesWritten.Load() + c.Deadlines.Load(); sum != 0 {
		t.Errorf("%d after ResetCounts", sum)
	}
}

func TestTap(t *testing.T) {
	a, b := streamtest.Pipe()
	tap := streamtest.NewTap(a)
	go b.Write([]byte("abc"))
	go streamtest.MustRead(t, tap, "abc")
	tap.AwaitTaken(3)
	streamtest.MustWrite(t, tap, "12")
	streamtest.MustWrite(t, tap, "3")
	if err := errors.Join(tap.SetDeadline(time.Time{}), tap.SetReadDeadline(time.Time{}), tap.SetWriteDeadline(time.Time{})); !errors.Is(err, errors.ErrUnsupported) {
		t.Error(err)
	}
	tap.Close()
	tap.CloseAs("reset")
	if tap.Taken() != 3 || tap.Deadlines() != 3 || !slices.Equal(tap.Writes(), []string{"12", "3"}) || !slices.Equal(tap.Ended(), []string{"close", "reset"}) {
		t.Errorf("taken %d, %d deadlines, writes %q, ended %q", tap.Taken(), tap.Deadlines(), tap.Writes(), tap.Ended())
	}
	if got := a.Ended(); len(got) != 2 {
		t.Errorf("the stream was closed %d times", len(got))
	}
	tap.AwaitTaken(100) // cannot come any more
	if tap.LocalAddr() != nil {
		t.Error("a stream without addresses has one")
	}
	pipe, _ := net.Pipe()
	if streamtest.NewTap(pipe).LocalAddr().Network() != "pipe" {
		t.Error("a tapped net.Pipe is not recognised")
	}
}

func TestMessages(t *testing.T) {
	if got := streamtest.Messages("/a", ""); got != "\x03/a\n\x01\n" {
		t.Errorf("Messages = %q", got)
	}
	if got := streamtest.Bytewise("\xff\x00a"); !slices.Equal(got, []string{"\xff", "\x00", "a"}) {
		t.Errorf("Bytewise = %q", got)
	}
}
