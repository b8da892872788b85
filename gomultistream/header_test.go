package multistream

import (
	"errors"
	"io"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/multiselect/multiselect/dropin"
)

const headerGrace = 20 * time.Millisecond // the default

// An initiator that waits for the header before it sends anything gets it after 20 ms, and one
// that sends its own header and waits gets it immediately; on streams without buffers too.
func TestHeaderGrace(t *testing.T) {
	for transport, open := range map[string]func() (io.ReadWriteCloser, io.ReadWriteCloser){
		"buffered": func() (io.ReadWriteCloser, io.ReadWriteCloser) { a, b := ends(); return a, b },
		"io.Pipe":  ioPipes,
	} {
		for class, scene := range map[string]struct {
			first, then string
			takes       time.Duration
		}{
			"nothing":                 {"", say(header, "/a"), headerGrace},
			"nothing, refused":        {"", say(header, "/no", "/a"), headerGrace},
			"its header":              {say(header), say("/a"), 0},
			"a byte":                  {say(header)[:1], say(header, "/a")[1:], headerGrace},
			"its header, half a name": {say(header) + say("/a")[:2], say("/a")[2:], headerGrace},
		} {
			t.Run(transport+", "+class, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					a, b := open()
					var m MultistreamMuxer[string]
					m.AddHandler("/a", nil)
					failed := make(chan error)
					go func() {
						_, _, err := m.Negotiate(a)
						failed <- err
					}()
					start := time.Now()
					mustWrite(t, b, scene.first)
					mustRead(t, b, say(header))
					if took := time.Since(start); took != scene.takes {
						t.Errorf("the header came after %v", took)
					}
					go io.WriteString(b, scene.then)
					if class == "nothing, refused" {
						mustRead(t, b, say("na"))
					}
					mustRead(t, b, say("/a"))
					if err := <-failed; err != nil {
						t.Error(err)
					}
				})
			})
		}
	}
}

// The streams of one watchdog get their headers in the order in which their graces end, and
// those that have answered or failed before get none.
func TestHeaderWatchdog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := new(headerWatchdog)
		var streams []*coreStream
		var wires []*side
		for i := range 5 {
			a, _ := ends()
			s := &coreStream{ReadWriteCloser: a}
			w.add(s, time.Since(epoch), headerGrace)
			streams, wires = append(streams, s), append(wires, a)
			if i == 1 {
				time.Sleep(headerGrace / 2)
			}
		}
		mustWrite(t, streams[1], "answer")
		streams[3].stopWatching()
		for _, after := range []struct {
			wait time.Duration
			want [5]string
		}{
			{0, [5]string{1: "answer"}},
			{headerGrace / 2, [5]string{say(header), "answer"}},
			{headerGrace / 2, [5]string{say(header), "answer", say(header), "", say(header)}},
			{time.Minute, [5]string{say(header), "answer", say(header), "", say(header)}},
		} {
			time.Sleep(after.wait)
			synctest.Wait()
			for i, want := range after.want {
				if got := joined(wires[i]); got != want {
					t.Errorf("stream %d wrote %q, want %q", i, got, want)
				}
			}
		}
		if w.first != nil || w.last != nil || w.isSet {
			t.Error("the watchdog holds streams")
		}
		mustWrite(t, streams[4], say(header, "/a"))
		if got := joined(wires[4]); got != say(header)+"|"+say("/a") {
			t.Errorf("wrote %q", got)
		}
	})
}

// With no grace the header is sent before anything is read, as go-multistream does.
func TestHeaderFirst(t *testing.T) {
	c := dropin.Default()
	c.HeaderGrace = 0
	dropin.Set(c)
	defer dropin.Set(dropin.Default())
	a, b := ends()
	var m MultistreamMuxer[string]
	m.AddHandler("/a", nil)
	mustWrite(t, b, say(header, "/a"))
	if _, _, err := m.Negotiate(a); err != nil {
		t.Error(err)
	}
	if got := joined(a); got != say(header)+"|"+say("/a") {
		t.Errorf("writes %q", got)
	}
}

// A header that cannot be sent does not end the negotiation; the part that was sent is not sent
// again.
func TestHeaderFails(t *testing.T) {
	for left := range len(say(header)) + 1 {
		synctest.Test(t, func(t *testing.T) {
			a, b := ends()
			var m MultistreamMuxer[string]
			m.AddHandler("/a", nil)
			stream := &once{a, left}
			done := make(chan error)
			go func() {
				_, _, err := m.Negotiate(stream)
				done <- err
			}()
			time.Sleep(headerGrace)
			synctest.Wait()
			mustWrite(t, b, say(header, "/a"))
			if err := <-done; err != nil {
				t.Error(err)
			}
			mustRead(t, b, say(header, "/a"))
		})
	}
}

// once is a stream whose first Write may send only a part.
type once struct {
	*side
	left int // of the first Write, -1 after it
}

func (o *once) Write(p []byte) (int, error) {
	left := o.left
	if o.left = -1; left < 0 || left >= len(p) {
		return o.side.Write(p)
	}
	n, _ := o.side.Write(p[:left])
	return n, errReset
}

// A header that blocks ends with the time limit of the negotiation.
func TestHeaderBlocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, _ := ioPipes()
		var m MultistreamMuxer[string]
		start := time.Now()
		_, _, err := m.Negotiate(a)
		if !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != time.Minute {
			t.Errorf("Negotiate = %v after %v", err, time.Since(start))
		}
	})
}
