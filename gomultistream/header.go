package multistream

import (
	"sync"
	"time"

	"github.com/multiselect/multiselect/wire"
)

// responderHeader is the header of a responder whose peer may be waiting for it: some initiators
// send nothing before they have received it. The stream is in a headerWatchdog until the first
// Write, or until the grace has passed. Then the header is sent alone.
type responderHeader struct {
	watchdog *headerWatchdog // nil if the stream is not watched
	next     *coreStream     // in the list of the watchdog
	previous *coreStream
	due      time.Duration // since epoch

	// After the grace: closed when the header is sent, and the number of bytes of it that were
	// sent and that the core will send again.
	done chan struct{}
	sent int
}

// headerWatchdog sends headers after the grace. Its list is in the order in which the graces end,
// and one timer serves all. The timer is not stopped: one that is set for each stream would often
// interrupt a thread that waits for the network.
type headerWatchdog struct {
	mu          sync.Mutex
	first, last *coreStream
	timer       *time.Timer
	isSet       bool
}

var (
	epoch   = time.Now()
	headers headerWatchdog
)

// watchHeader begins the grace.
func (s *coreStream) watchHeader(grace time.Duration) {
	now := time.Since(epoch)
	w := &headers
	if now < 0 { // in a testing/synctest bubble, whose timers must stay in it
		w = new(headerWatchdog)
	}
	w.add(s, now, grace)
}

// add inserts a stream, almost always at the end of the list.
func (w *headerWatchdog) add(s *coreStream, now, grace time.Duration) {
	h := &s.header
	h.watchdog, h.due = w, now+grace
	w.mu.Lock()
	defer w.mu.Unlock()
	h.previous = w.last
	for h.previous != nil && h.previous.header.due > h.due {
		h.next, h.previous = h.previous, h.previous.header.previous
	}
	w.link(h.previous, s)
	w.link(s, h.next)
	if !w.isSet || w.first == s {
		w.set(grace)
	}
}

// link makes two streams of the list neighbours; nil is its end.
func (w *headerWatchdog) link(previous, next *coreStream) {
	if previous == nil {
		w.first = next
	} else {
		previous.header.next = next
	}
	if next == nil {
		w.last = previous
	} else {
		next.header.previous = previous
	}
}

func (w *headerWatchdog) set(after time.Duration) {
	w.isSet = true
	if w.timer == nil {
		w.timer = time.AfterFunc(after, w.fire)
		return
	}
	w.timer.Reset(after)
}

// fire is called by the timer.
func (w *headerWatchdog) fire() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.isSet = false
	for s := w.first; s != nil; s = w.first {
		if left := s.header.due - time.Since(epoch); left > 0 {
			w.set(left)
			return
		}
		w.remove(s)
		s.header.done = make(chan struct{})
		go s.sendHeader()
	}
}

// remove removes a stream from the list.
func (w *headerWatchdog) remove(s *coreStream) {
	h := &s.header
	w.link(h.previous, h.next)
	h.previous, h.next, h.due = nil, nil, 0
}

// sendHeader sends the header alone. An error is not reported: the core's write returns it too,
// and a responder that cannot send its header may still serve the stream.
func (s *coreStream) sendHeader() {
	defer close(s.header.done)
	n, _ := s.write([]byte(wire.HeaderFrame))
	s.header.sent = max(0, min(n, len(wire.HeaderFrame)))
}

// stopWatching ends the grace. If the grace has ended before, stopWatching waits until the header
// is sent.
func (s *coreStream) stopWatching() {
	h := &s.header
	w := h.watchdog
	h.watchdog = nil
	w.mu.Lock()
	waits := h.due != 0
	if waits {
		w.remove(s)
	}
	w.mu.Unlock()
	if !waits {
		<-h.done
	}
}

// writeAnswer writes the bytes of the core, without the header if that was sent before.
func (s *coreStream) writeAnswer(p []byte) (int, error) {
	h := &s.header
	if h.watchdog != nil {
		s.stopWatching()
	}
	removed := min(h.sent, len(p))
	h.sent -= removed
	n, err := s.write(p[removed:])
	return removed + n, err
}
