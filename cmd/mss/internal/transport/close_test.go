package transport

import (
	"errors"
	"io"
	"net"
	"testing"

	"github.com/multiselect/multiselect/internal/streamtest"
)

// A client that has closed already does not need the end of this side's half.
func TestHangUpAfterEnd(t *testing.T) {
	here, there := streamtest.TCP(t)
	there.Close()
	var err error
	for err == nil { // until the reset has arrived
		_, err = io.WriteString(here, "?")
	}
	if err := HangUp(here); err != nil {
		t.Errorf("got %v", err)
	}
}

// A stream that hangs up reads the bytes that are left, so that its last ones arrive.
func TestHangUp(t *testing.T) {
	for _, where := range everyForm {
		here, there := streamPair(t, where, "nobody reads this")
		hungUp := make(chan error, 1)
		go func() {
			_, err := io.WriteString(there, "last words")
			if err == nil {
				err = HangUp(there)
			}
			there.Close()
			hungUp <- err
		}()
		here.CloseWrite()
		got, err := io.ReadAll(here)
		if string(got) != "last words" || err != nil {
			t.Errorf("%s: got %q, %v", where, got, err)
		}
		if err := <-hungUp; err != nil {
			t.Errorf("%s: %v", where, err)
		}
	}
}

// The other end of a stream that was reset sees a failure, wherever the transport has
// one: only unix sockets end plainly.
func TestReset(t *testing.T) {
	for _, where := range everyForm {
		here, there := streamPair(t, where, "x")
		if _, err := io.ReadFull(there, make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		Reset(there)
		_, err := io.ReadAll(here)
		how, _ := Ending(err)
		if want := endReset; where == "unix:" && err != nil || where != "unix:" && how != want {
			t.Errorf("%s: the other end sees %q: %v", where, how, err)
		}
	}
}

// A code arrives on the streams that have codes. The others are closed, without a wait
// for a peer that does not read.
func TestResetWithCode(t *testing.T) {
	for _, where := range everyForm {
		here, there := streamPair(t, where, "x")
		if _, err := io.ReadFull(there, make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		multiplexed := parse(t, where).Form.IsMultiplexed()
		if err := ResetWithCode(there, 0x1001); err != nil && multiplexed {
			t.Errorf("%s: %v", where, err)
		}
		_, err := io.ReadAll(here)
		how, code := Ending(err)
		switch {
		case multiplexed && (how != endReset || code == nil || *code != 0x1001):
			t.Errorf("%s: the other end sees %q, code %v: %v", where, how, code, err)
		case !multiplexed && err != nil && !errors.Is(err, io.ErrUnexpectedEOF):
			t.Errorf("%s: the other end sees %v", where, err)
		}
		if _, err := there.Write([]byte("more")); err == nil {
			t.Errorf("%s: the stream is still open", where)
		}
	}
}

// DropInput returns when the peer has ended its half.
func TestDropInput(t *testing.T) {
	here, there := streamtest.TCP(t)
	io.WriteString(there, "all of this")
	there.CloseWrite()
	DropInput(here)
	if _, err := io.WriteString(here, "still open"); err != nil {
		t.Error(err)
	}
	if n, err := here.Read(make([]byte, 1)); n != 0 || err == nil || errors.Is(err, net.ErrClosed) {
		t.Errorf("read %d, %v", n, err)
	}
}
