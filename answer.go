package multiselect

import (
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"time"

	"github.com/multiselect/multiselect/wire"
)

// This file is the half of a LazyStream that hears the answer, and the outcome.

// pump is who reads the answer. A Read, and a Wait without an end of its own, does it
// itself, in its own goroutine, unless it has a deadline; the others have it done
// beside them.
type pump uint8

const (
	pumpIdle   pump = iota // nobody: the next who waits begins, or goes on
	pumpInline             // a Read or Wait, which [LazyStream.interrupt] makes return
	pumpBeside             // a goroutine, until it has the outcome
	pumpDone               // the outcome is there, or about to be
)

// mayPump reports whether a call reads the answer itself.
func (l *LazyStream) mayPump(h *half) bool {
	return l.pump == pumpIdle && l.sent == l.size && h != &l.out && l.hasDeadlines && h.deadline.IsZero() && !h.closed
}

// await waits for the outcome and sees to it that there will be one: nobody waits
// with words unsaid (R11), or for an answer that nobody reads. It returns nil
// if the peer agreed.
func (l *LazyStream) await(ctx context.Context, h *half) error {
	if l.state == LazyPending {
		l.hold()
		defer l.release()
	}
	missed := l.missed
	for {
		err := l.over(ctx, h)
		switch {
		case err != nil || l.state != LazyPending:
			return err
		case l.missed != missed:
			return os.ErrDeadlineExceeded
		case l.closed: // the linger sees to it
			l.sleep(h)
		case l.sent < l.size && !l.writing:
			if err := l.flush(); err != nil {
				return l.why(h, err)
			}
		case l.pump != pumpIdle || !l.begun:
			l.sleep(h)
		case ctx.Done() == nil && l.mayPump(h):
			l.pump = pumpInline
			l.listen(nil, nil, 0, nil)
		default:
			l.pumpBeside()
		}
	}
}

// over returns why a call has nothing to wait for: it is gone, or its time is over.
func (l *LazyStream) over(ctx context.Context, h *half) error {
	switch err := l.gone(h); {
	case err != nil:
		return err
	case !h.deadline.IsZero() && time.Until(h.deadline) <= 0:
		return os.ErrDeadlineExceeded
	case l.state == LazyPending && ctx.Err() != nil:
		return ctxError(ctx)
	}
	return nil
}

// gone returns why nothing can be done with a half any more: it is closed, or
// the negotiation has failed.
func (l *LazyStream) gone(h *half) error {
	if h.closed {
		return net.ErrClosed
	}
	return l.err
}

// sleep waits until something has changed or the deadline is over.
func (l *LazyStream) sleep(h *half) {
	if !h.deadline.IsZero() {
		defer time.AfterFunc(time.Until(h.deadline), l.wake).Stop()
	}
	l.wait()
}

// wait waits until something has changed. Few have to, so what they wait on is made by
// the first of them.
func (l *LazyStream) wait() {
	if l.change == nil {
		l.change = sync.NewCond(&l.mu)
	}
	l.change.Wait()
}

// changed wakes those who wait.
func (l *LazyStream) changed() {
	if l.change != nil {
		l.change.Broadcast()
	}
}

func (l *LazyStream) wake() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.changed()
}

// unlocked calls f, which may take its time, or panic, without the lock.
func (l *LazyStream) unlocked(f func()) {
	l.mu.Unlock()
	defer l.mu.Lock()
	f()
}

func (l *LazyStream) pumpBeside() {
	if l.pump == pumpIdle {
		l.pump = pumpBeside
		go l.listenBeside()
	}
}

func (l *LazyStream) listenBeside() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.listen(nil, nil, 0, nil)
}

var errPanic = errors.New("a panic while the answer was read")

// listen reads the answer and decides, or stops where it is if it is interrupted, or
// meets a deadline that the stream's owner has set past the LazyStream. It goes on
// where a Read to room has ended, if there is one: n counts what that has read behind
// the answer, into p. Without the agreement nobody wants it. It reads without the
// lock.
func (l *LazyStream) listen(p, room []byte, got int, failed error) (n int) {
	c := l.communicator()
	l.mu.Unlock()
	err := errPanic
	defer func() {
		l.mu.Lock()
		if err == nil || !l.stop(err) {
			l.decide(err)
		}
	}()
	if room != nil {
		if 0 < got && got <= len(room) {
			answer := min(got, c.enough(room[:got], l.size))
			copy(c.room(answer, answer), room)
			n = copy(p, room[answer:got])
			got = answer
		}
		if err = c.took(got, len(room), failed); err != nil {
			return 0
		}
	}
	client := Client{Limits: Limits{MaxBytes: int(l.bytes)}}
	if err = client.answer(c, l.protocol); err != nil {
		return 0
	}
	return n
}

// enough returns how much of what has arrived can matter: up to the end of the
// echo, or of the message that is there in its place.
func (c *Communicator) enough(arrived []byte, size int) int {
	const header = len(wire.HeaderFrame)
	if len(arrived) <= header || string(arrived[:header]) != wire.HeaderFrame {
		return size
	}
	prefix, body, _ := wire.Length(arrived[header:], int(c.limit))
	return max(size, header+prefix+body)
}

// stop reports whether the pump returns because its Read timed out, and makes
// ready for the next. The Communicator keeps what has arrived. After Close and
// CloseRead there is no next.
func (l *LazyStream) stop(err error) bool {
	// With a cause somebody is about to end the stream, and leaves it to the pump
	// to decide.
	switch {
	case l.cause != nil || !isTimeout(err):
		return false
	case l.interrupted:
		if !l.readBy(time.Time{}) {
			return false
		}
	case l.in.closed || !l.hasDeadlines || !l.unlessEnded(func() {}):
		return false
	default:
		l.missed++
	}
	l.interrupted = false
	l.pump = pumpIdle
	l.changed()
	return true
}

// interrupt makes the inline pump return: its Read is to have a deadline, or to
// end.
func (l *LazyStream) interrupt() {
	if l.pump == pumpInline {
		l.interrupted = true
		l.readBy(longAgo)
	}
}

// mayAgree makes it known that the stream is the protocol's if nothing else is to be
// done: decide for most streams.
func (l *LazyStream) mayAgree() bool {
	if l.c != nil || l.cause != nil || l.interrupted || l.in.closed || !l.in.deadline.IsZero() {
		return false
	}
	l.pump, l.state = pumpDone, LazyAgreed
	l.in.direct.Store(true)
	l.changed()
	return true
}

// decide makes the outcome known, once. A stream that has failed is ended before
// anybody hears of it.
func (l *LazyStream) decide(err error) {
	c := l.communicator()
	l.pump = pumpDone // from here on the budget is ours
	if l.cause != nil {
		err = l.cause
	}
	if !l.isUnbuffered {
		c.sent = int32(l.sent)
		c.flights = 1
	}
	c.start = l.began
	if err != nil || c.ext != nil || c.deadline != 0 && !c.watch.remove(c) {
		l.unlocked(func() {
			err = c.end(context.Background(), l.protocol, []string{l.protocol}, false, err)
		})
	}
	c.deadline = 0 // removed here, or by end
	c.giveBack()
	l.changed()
	if err != nil {
		l.state, l.err = LazyFailed, err
		return
	}
	if l.cause == nil { // else it has ended the stream, or is about to
		l.c = nil
		c.forget()
		c.pooled = true
		communicators.Put(c)
	}
	l.agree()
}

// agree makes it known that the stream is the protocol's.
func (l *LazyStream) agree() {
	l.state = LazyAgreed
	if l.interrupted || !l.in.deadline.IsZero() {
		l.readBy(l.in.deadline)
	}
	l.in.direct.Store(!l.in.closed)
	if l.in.closed && !l.closed {
		l.unlocked(func() { l.closeRead() })
	}
}

// noBudget is what is left of a budget without limit.
const noBudget = -1 << 63

// hold is called by who begins to wait for the outcome: the budget runs while
// anybody does.
func (l *LazyStream) hold() {
	if l.waiters++; l.waiters == 1 && l.pump != pumpDone && l.left != noBudget {
		l.arm()
	}
}

func (l *LazyStream) release() {
	if l.waiters--; l.waiters == 0 && l.pump != pumpDone {
		l.disarm()
	}
}

func (l *LazyStream) arm() {
	if l.left == noBudget {
		return
	}
	c := l.communicator()
	c.start = time.Since(epoch)
	if l.began == 0 {
		l.began = c.start
	}
	if c.watch == nil || inBubble(c.start) {
		c.watch = watchFor(c.start)
	}
	c.deadline = c.start + l.left
	c.watch.add(c)
}

// disarm stops the budget, and takes note of what is left.
func (l *LazyStream) disarm() {
	c := l.c
	if c == nil || c.deadline == 0 {
		return
	}
	if !c.watch.remove(c) {
		l.cause = os.ErrDeadlineExceeded
	}
	l.left = c.deadline - time.Since(epoch)
	c.deadline = 0
}
