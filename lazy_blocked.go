package multiselect

import (
	"sync"
	"time"

	"github.com/multiselect/multiselect/internal/watchdog"
)

// This file applies the time limit to a write of early data that blocks (R24). Such a write
// must not end a stream whose peer has agreed: the answer may have arrived, with no call that
// reads it. So a write that blocks starts the background reader, too.

// writeGrace is the time after which a write of early data counts as blocked. Most writes
// return before it, and cost neither a goroutine nor the time limit.
const writeGrace = 20 * time.Millisecond

// earlyWrite is a write of early data in progress.
type earlyWrite struct {
	entry    watchdog.Entry
	watchdog *watchdog.Watchdog[earlyWrite]
	stream   *LazyStream

	// Guarded by stream.mu.
	returned bool
}

var (
	earlyWrites = sync.Pool{New: func() any { return new(earlyWrite) }}
	writeGraces = watchdog.NewKind(func(w *earlyWrite) *watchdog.Entry { return &w.entry }, (*earlyWrite).block)
)

// beginEarlyWrite is called with l.mu held, before a write.
func (l *LazyStream) beginEarlyWrite() *earlyWrite {
	w := earlyWrites.Get().(*earlyWrite)
	w.stream = l
	now := watchdog.Now()
	w.watchdog = writeGraces.For(w.watchdog, now)
	w.watchdog.Add(w, &w.entry, now, writeGrace)
	return w
}

// end is called with the lock of the stream held, after the write.
func (w *earlyWrite) end() {
	if l := w.stream; l.blocked {
		l.blocked = false
		l.stopWaiting()
	}
	if w.returned = true; !w.watchdog.Remove(&w.entry) {
		return // not reused: block may be running
	}
	w.stream, w.returned = nil, false
	earlyWrites.Put(w)
}

// block is called after writeGrace, in a goroutine.
func (w *earlyWrite) block() {
	l := w.stream
	l.mu.Lock()
	defer l.mu.Unlock()
	if w.returned || l.state != LazyPending {
		return
	}
	l.blocked = true
	l.startWaiting()
	l.startReader()
}
