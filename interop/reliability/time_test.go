package reliability

import (
	"errors"
	"fmt"
	"io"
	"net"
	"reflect"
	"testing"
	"time"
)

// The scenes of counts, deadlines and budgets.

// broken is a stream that fails behind so many bytes.
type broken struct {
	net.Conn
	left int
}

var errBroken = errors.New("broken")

func (b *broken) Write(p []byte) (int, error) {
	n := min(len(p), b.left)
	b.left -= n
	if n < len(p) {
		return n, errBroken
	}
	return n, nil
}

func counts(t *testing.T, lib *library) string {
	says := func(sent int) int {
		near, _ := yamuxPair(t)
		l := lib.open(t, &broken{near, len(proposal) + sent})
		frame := append([]byte("\x7f"), make([]byte, 63)...)
		n, err := l.Write(frame)
		if !errors.Is(err, errBroken) {
			t.Errorf("Write says %v", err)
		}
		return n
	}
	return fmt.Sprintf("0 of 64 bytes sent: Write returns %d; 6 of 64 sent: Write returns %d", says(-14), says(6))
}

func stickyRead(t *testing.T, lib *library) string {
	near, far := yamuxPair(t)
	l := lib.open(t, near)
	d := deadlinesOf(l, near)
	d.SetReadDeadline(time.Now().Add(time.Second))
	write(t, l, request)
	if _, err := l.Read(make([]byte, 1)); !isTimeout(err) {
		t.Errorf("Read says %v", err)
	}
	d.SetReadDeadline(time.Time{})
	write(t, far, proposal+"reply")
	reply := make([]byte, len("reply"))
	if _, err := io.ReadFull(l, reply); err != nil {
		return "cleared, and answered since: Read returns " + err.Error()
	}
	return "cleared, and answered since: Read returns " + string(reply)
}

func isTimeout(err error) bool {
	e, ok := errors.AsType[net.Error](err)
	return ok && e.Timeout()
}

func stickyWrite(t *testing.T, lib *library) string {
	near, far := pipe(t)
	l := lib.open(t, hidden{near})
	d := deadlinesOf(l, near)
	d.SetWriteDeadline(time.Now().Add(time.Second))
	go read(t, far, proposal[:10])
	if n, err := l.Write([]byte(request)); n != 0 && lib == &ours || !isTimeout(err) {
		t.Errorf("Write says %d, %v", n, err)
	}
	d.SetWriteDeadline(time.Time{})
	go func() {
		l.Write([]byte(request))
		near.Close()
	}()
	rest, _ := io.ReadAll(far)
	if want := proposal + request; string(rest) != want[10:][:len(rest)] {
		t.Errorf("the peer gets %q", rest)
	}
	return fmt.Sprintf("cleared, and the peer reads: it gets %d bytes of %d", 10+len(rest), len(proposal+request))
}

func silentRead(t *testing.T, lib *library) string {
	near, _ := yamuxPair(t)
	l := lib.open(t, near)
	return "Read from a silent peer " + takes(func() { l.Read(make([]byte, 1)) })
}

func drip(t *testing.T, lib *library) string {
	near, far := yamuxPair(t)
	l := lib.open(t, near)
	go func() {
		for _, b := range []byte(proposal) {
			time.Sleep(9 * time.Second)
			if _, err := far.Write([]byte{b}); err != nil {
				return
			}
		}
		far.CloseWrite()
	}()
	took := takes(func() { l.Read(make([]byte, 1)) })
	time.Sleep(aDay) // until the peer has ended too
	return "Read from a peer that sends a byte every 9 s " + took
}

func methods(t *testing.T, lib *library) string {
	near, _ := yamuxPair(t)
	l := reflect.TypeOf(lib.open(t, near))
	wanted := []string{
		"SetDeadline", "SetReadDeadline", "SetWriteDeadline", "CloseRead", "CloseWrite", "LocalAddr", "RemoteAddr",
		"ReadFrom", "SyscallConn", "State", "Wait",
	}
	has := 0
	for _, name := range wanted {
		if _, ok := l.MethodByName(name); ok {
			has++
		}
	}
	return fmt.Sprintf("of %d methods that the stream below has, or that tell the outcome: %d", len(wanted), has)
}
