package reliability

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// The scenes of how a lazy stream ends.

func closeSilent(t *testing.T, lib *library) string {
	near, _ := yamuxPair(t)
	before := goroutines()
	l := lib.open(t, near)
	write(t, l, request)
	took := takes(func() { l.Close() })
	return fmt.Sprintf("Close %s; goroutines left after a day: %d", took, left(before))
}

// left returns how many goroutines there are more a day later.
func left(before int) int {
	time.Sleep(aDay)
	synctest.Wait()
	return goroutines() - before
}

// goroutines counts those of this bubble; elsewhere may be what other tests left.
func goroutines() int {
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	_, bubble, _ := bytes.Cut(stacks, []byte("synctest bubble "))
	id, _, _ := bytes.Cut(bubble, []byte("]"))
	return bytes.Count(stacks, fmt.Appendf(nil, "synctest bubble %s]", id))
}

func closeUnused(t *testing.T, lib *library) string {
	near, _ := pipe(t) // where a Write waits for the peer's Read
	l := lib.open(t, near)
	return "Close " + takes(func() { l.Close() })
}

func closeDuringWrite(t *testing.T, lib *library) string {
	near, _ := yamuxPair(t)
	l := lib.open(t, near)
	const size = 1 << 20 // four times the window
	frame := append([]byte("\x80\x80\x80\x01"), make([]byte, size)...)
	var wrote atomic.Int64
	var returned atomic.Bool
	go func() {
		n, _ := l.Write(frame)
		wrote.Store(int64(n))
		returned.Store(true)
	}()
	synctest.Wait()
	took := takes(func() { l.Close() })
	synctest.Wait()
	switch window := int64(256<<10 - len(proposal)); {
	case !returned.Load():
		return "Close " + took + "; the Write never returned"
	case wrote.Load() == window:
		return "Close " + took + "; the Write returned with the count of sent bytes"
	default:
		return fmt.Sprintf("Close %s; the Write returned %d, %d were sent", took, wrote.Load(), window)
	}
}

func writeOnly(t *testing.T, lib *library) string {
	nearConn, farConn := pipe(t)
	s := yamuxSession(t, hidden{nearConn}, hidden{farConn})
	streams := make([]lazyStream, 50)
	for i := range streams {
		near, _ := yamuxStream(t, s)
		streams[i] = lib.open(t, near)
	}
	before := goroutines()
	for _, l := range streams {
		write(t, l, request)
	}
	kept := left(before)
	for _, l := range streams {
		go l.Close()
	}
	return fmt.Sprintf("%d streams to a silent peer keep %d goroutines, and %d a day after Close",
		len(streams), kept, left(before))
}

// finAtOnce: the peer answers a request when it has ended, as requests without a
// length do.
func finAtOnce(t *testing.T, lib *library) string {
	near, far := yamuxPair(t)
	l := lib.open(t, near)
	write(t, l, request)
	go l.Close()
	return "the peer, which answers when it has the whole request, " + takes(func() {
		if got, err := io.ReadAll(far); string(got) == proposal+request && err == nil {
			far.Write([]byte(proposal))
			far.Close()
		}
	})
}

func closeWriteUnused(t *testing.T, lib *library) string {
	near, far := yamuxPair(t)
	l := lib.open(t, near)
	if err := halvesOf(l, near).CloseWrite(); err != nil {
		t.Error(err)
	}
	got, err := io.ReadAll(far)
	if err != nil {
		t.Error(err)
	}
	return fmt.Sprintf("CloseWrite of an unused stream: the peer gets %q", got)
}

func closeSendsProposal(t *testing.T, lib *library) string {
	near, far := yamuxPair(t)
	l := lib.open(t, near)
	go l.Close()
	got := make([]byte, len(proposal))
	n, err := io.ReadFull(far, got)
	if err != nil {
		t.Error(err)
	}
	write(t, far, proposal)
	return fmt.Sprintf("the peer gets %q", got[:n])
}

// stopSending: the user wants no reply. The responder is one of those that end
// the stream if their answer cannot be written, and it answers late.
func stopSending(t *testing.T, lib *library) string {
	s := openQUIC(t)
	near, err := s.open()
	if err != nil {
		t.Fatal(err)
	}
	l := lib.open(t, near)
	write(t, l, request)
	halvesOf(l, near).CloseRead()
	go l.Close()
	far, err := s.accept()
	if err != nil {
		t.Fatal(err)
	}
	said, err := io.ReadAll(far)
	if string(said) != proposal+request || err != nil {
		t.Errorf("the responder got %q, %v", said, err)
	}
	does := "serves"
	if _, err := io.WriteString(far, proposal); err != nil {
		does = "drops"
	}
	far.Close()
	return "QUIC, CloseRead and Close after a Write: a responder that must send its answer " + does + " the request"
}

// stoppedPeer: the responder has what it wanted and says that it reads no more.
func stoppedPeer(t *testing.T, lib *library) string {
	s := openQUIC(t)
	says := func(hears bool) string {
		near, err := s.open()
		if err != nil {
			t.Fatal(err)
		}
		l := lib.open(t, near)
		write(t, l, request)
		far, err := s.accept()
		if err != nil {
			t.Fatal(err)
		}
		read(t, far, proposal+request)
		write(t, far, proposal+"reply")
		far.(halves).CloseRead()
		if hears {
			read(t, l, "reply")
		}
		<-near.(quicStream).Context().Done() // STOP_SENDING has arrived
		if err := l.Close(); err != nil {
			return "it failed"
		}
		return "nil"
	}
	return fmt.Sprintf("QUIC, the peer stopped reading when it had the request: Close returns %s; after a Read, %s", says(false), says(true))
}

// replyUnread: closing a TCP connection with unread bytes resets it, and takes
// what has not left yet with it.
func replyUnread(t *testing.T, lib *library) string {
	arrives := func(hears bool) string {
		near, far := tcpPair(t)
		defer far.Close()
		near.SetWriteBuffer(1 << 20)
		far.SetReadBuffer(4096)
		l := lib.open(t, near)
		const size = 150_000
		write(t, l, "\xff\xff\x7f"+string(make([]byte, size))) // less than it announces
		read(t, far, proposal)
		write(t, far, proposal+"a reply")
		if hears {
			read(t, l, "a")
		}
		l.Close()
		far.SetReadBuffer(1 << 20)
		if got, err := io.ReadAll(far); len(got) < 3+size || err != nil {
			return "cut short"
		}
		return "whole"
	}
	return fmt.Sprintf("TCP, Write and Close, and the peer has replied before it reads: the request arrives %s; after a Read of half the reply, %s",
		arrives(false), arrives(true))
}

// unheardResponder: an initiator that has stopped reading before it was answered.
func unheardResponder(t *testing.T, lib *library) string {
	near, far := yamuxPair(t)
	write(t, near, proposal+request)
	near.CloseWrite()
	served := "dropped"
	unheard, _ := lib.serve(mute{far}, map[string]handler{"/a": func(stream io.ReadWriteCloser) {
		read(t, stream, request)
		served = "served"
	}})
	recorded := "lost"
	if errors.Is(unheard, syscall.EPIPE) {
		recorded = "recorded"
	}
	return served + "; the write error is " + recorded
}

// mute is a stream whose peer has said that it does not read.
type mute struct{ net.Conn }

func (mute) Write([]byte) (int, error) { return 0, syscall.EPIPE }

func refusedStaysOpen(t *testing.T, lib *library) string {
	near, far := yamuxPair(t)
	l := lib.open(t, near)
	write(t, l, request)
	read(t, far, proposal+request)
	write(t, far, refusal)
	if _, err := l.Read(make([]byte, 1)); !lib.isRefusal(err) {
		t.Errorf("Read says %v", err)
	}
	return "the peer's Read after the refusal " + takes(func() { far.Read(make([]byte, 1)) })
}

func bothWriteFirst(t *testing.T, lib *library) string {
	near, far := pipe(t)
	l := lib.open(t, near)
	go lib.serve(far, map[string]handler{"/a": func(stream io.ReadWriteCloser) {
		read(t, stream, request)
		write(t, stream, "reply")
	}})
	return "over net.Pipe, the exchange " + takes(func() {
		write(t, l, request)
		read(t, l, "reply")
	})
}

func readFirst(t *testing.T, lib *library) string {
	near, far := yamuxPair(t)
	l := lib.open(t, near)
	go lib.serve(far, map[string]handler{"/a": func(stream io.ReadWriteCloser) { write(t, stream, "reply") }})
	return "Read " + takes(func() { read(t, l, "reply") })
}
