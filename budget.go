package multiselect

import (
	"container/heap"
	"sync"
	"sync/atomic"
	"time"
)

// watch ends negotiations whose budget is over. One timer serves many of them:
// a timer of its own would cost each half-open negotiation as much again as
// everything else that this package keeps for it, and would be set and stopped
// for nothing each time. Here a negotiation enters a heap, nearly always at its
// end, and leaves it again; the timer runs on, and finds nothing to do.
type watch struct {
	mu    sync.Mutex
	queue queue
	timer *time.Timer
	next  time.Duration // when the timer fires, 0 while it does not run
}

// watches are several so that processors do not wait for each other: a pooled
// Communicator keeps the watch it was given, and mostly stays on a processor.
var (
	watches   [16]watch
	lastWatch atomic.Uint32
)

// watchFor returns a watch for a call that begins now.
func watchFor(now time.Duration) *watch {
	if inBubble(now) {
		return new(watch)
	}
	return &watches[lastWatch.Add(1)%uint32(len(watches))]
}

// add starts to watch over c.
func (w *watch) add(c *Communicator) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.queue.Push(c)
	if c.place > 0 && c.deadline < w.queue[(c.place-1)/2].deadline { // an early one
		heap.Fix(&w.queue, int(c.place))
	}
	if w.next == 0 || c.deadline < w.next {
		w.fireAt(c.deadline, c.start)
	}
}

// remove stops to watch over c. It reports false if it was too late.
func (w *watch) remove(c *Communicator) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if c.place < 0 {
		return false
	}
	if int(c.place) == len(w.queue)-1 {
		w.queue.Pop()
	} else {
		heap.Remove(&w.queue, int(c.place))
	}
	return true
}

// fire cuts what is due. Each in a goroutine of its own: the Close of a stream
// may take its time.
func (w *watch) fire() {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Since(epoch)
	w.next = 0
	for len(w.queue) > 0 {
		if first := w.queue[0]; first.deadline > now {
			w.fireAt(first.deadline, now)
			return
		}
		go heap.Pop(&w.queue).(*Communicator).cut()
	}
}

func (w *watch) fireAt(deadline, now time.Duration) {
	w.next = deadline
	if w.timer == nil {
		w.timer = time.AfterFunc(deadline-now, w.fire)
		return
	}
	w.timer.Reset(deadline - now)
}

// queue is the [heap.Interface] of a watch.
type queue []*Communicator

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].deadline < q[j].deadline }

func (q queue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].place, q[j].place = int32(i), int32(j)
}

func (q *queue) Push(x any) {
	c := x.(*Communicator)
	c.place = int32(len(*q))
	*q = append(*q, c)
}

func (q *queue) Pop() any {
	last := len(*q) - 1
	c := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	c.place = -1
	return c
}

// epoch is what all durations are measured from.
var epoch = time.Now()

// inBubble reports whether a time since epoch was read in a testing/synctest
// bubble, whose clocks begin in the year 2000: nowhere else is it negative.
// Timers that were made in a bubble must not be used outside of it, and the
// time of the others does not pass inside; so a bubble has watches of its own.
func inBubble(sinceEpoch time.Duration) bool { return sinceEpoch < 0 }
