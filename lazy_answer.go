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

// answerReader is who reads the answer. A Read, and a Wait without an end of its own, does it
// itself, in its own goroutine, unless it has a deadline; the others have it done
// beside them.
type answerReader uint8

const (
	readerNone       answerReader = iota // nobody: the next who waits begins, or goes on
	readerCaller                         // a Read or Wait, which [LazyStream.interruptReader] makes return
	readerBackground                     // a goroutine, until it has the outcome
	readerDone                           // the outcome is there, or about to be
)

// canReadAnswer reports whether a call reads the answer itself.
func (l *LazyStream) canReadAnswer(h *half) bool {
	return l.reader == readerNone && l.firstSent == l.firstSize && h != &l.out && l.hasDeadlines && h.deadline.IsZero() && !h.closed
}

// awaitOutcome waits for the outcome and sees to it that there will be one: nobody waits
// with words unsaid (R11), or for an answer that nobody reads. It returns nil
// if the peer agreed.
func (l *LazyStream) awaitOutcome(ctx context.Context, h *half) error {
	if l.state == LazyPending {
		l.startWaiting()
		defer l.stopWaiting()
	}
	missed := l.foreignTimeouts
	for {
		err := l.waitErr(ctx, h)
		switch {
		case err != nil || l.state != LazyPending:
			return err
		case l.foreignTimeouts != missed:
			return os.ErrDeadlineExceeded
		case l.closed: // the linger sees to it
			l.waitChangeUntil(h)
		case l.firstSent < l.firstSize && !l.writing:
			if err := l.sendFirst(); err != nil {
				return l.writeCause(h, err)
			}
		case l.reader != readerNone || !l.sendStarted:
			l.waitChangeUntil(h)
		case ctx.Done() == nil && l.canReadAnswer(h):
			l.reader = readerCaller
			l.readAnswer(nil, nil, 0, nil)
		default:
			l.startReader()
		}
	}
}

// waitErr returns why a call has nothing to wait for: it is gone, or its time is over.
func (l *LazyStream) waitErr(ctx context.Context, h *half) error {
	switch err := l.closedErr(h); {
	case err != nil:
		return err
	case !h.deadline.IsZero() && time.Until(h.deadline) <= 0:
		return os.ErrDeadlineExceeded
	case l.state == LazyPending && ctx.Err() != nil:
		return ctxError(ctx)
	}
	return nil
}

// closedErr returns why nothing can be done with a half any more: it is closed, or
// the negotiation has failed.
func (l *LazyStream) closedErr(h *half) error {
	if h.closed {
		return net.ErrClosed
	}
	return l.err
}

// waitChangeUntil waits until something has changed or the deadline is over.
func (l *LazyStream) waitChangeUntil(h *half) {
	if !h.deadline.IsZero() {
		defer time.AfterFunc(time.Until(h.deadline), l.lockAndNotify).Stop()
	}
	l.waitChange()
}

// waitChange waits until something has changed. Few have to, so what they wait on is made by
// the first of them.
func (l *LazyStream) waitChange() {
	if l.cond == nil {
		l.cond = sync.NewCond(&l.mu)
	}
	l.cond.Wait()
}

// notify wakes those who wait.
func (l *LazyStream) notify() {
	if l.cond != nil {
		l.cond.Broadcast()
	}
}

func (l *LazyStream) lockAndNotify() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.notify()
}

// withoutLock calls f, which may take its time, or panic, without the lock.
func (l *LazyStream) withoutLock(f func()) {
	l.mu.Unlock()
	defer l.mu.Lock()
	f()
}

func (l *LazyStream) startReader() {
	if l.reader == readerNone {
		l.reader = readerBackground
		go l.readAnswerInBackground()
	}
}

func (l *LazyStream) readAnswerInBackground() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.readAnswer(nil, nil, 0, nil)
}

var errReadPanic = errors.New("a panic while the answer was read")

// readAnswer reads the answer and decides, or stops where it is if it is interrupted, or
// meets a deadline that the stream's owner has set past the LazyStream. It goes on
// where a Read to room has ended, if there is one: n counts what that has read behind
// the answer, into p. Without the agreement nobody wants it. It reads without the
// lock.
func (l *LazyStream) readAnswer(p, room []byte, got int, failed error) (n int) {
	c := l.communicator()
	l.mu.Unlock()
	err := errReadPanic
	defer func() {
		l.mu.Lock()
		if err == nil || !l.pauseReader(err) {
			l.conclude(err)
		}
	}()
	if room != nil {
		if 0 < got && got <= len(room) {
			answer := min(got, answerEnd(room[:got], l.firstSize, int(c.limit)))
			copy(c.room(answer, answer), room)
			n = copy(p, room[answer:got])
			got = answer
		}
		if err = c.took(got, len(room), failed); err != nil {
			return 0
		}
	}
	client := Client{Limits: Limits{MaxBytes: int(l.maxBytes)}}
	if err = client.answer(c, l.protocol); err != nil {
		return 0
	}
	return n
}

// answerEnd returns where the answer ends in arrived, at the latest: echoEnd if it is the
// echo, and otherwise the end of the message that has arrived in its place.
func answerEnd(arrived []byte, echoEnd, limit int) int {
	const header = len(wire.HeaderFrame)
	if len(arrived) <= header || string(arrived[:header]) != wire.HeaderFrame {
		return echoEnd
	}
	prefix, body, _ := wire.Length(arrived[header:], limit)
	return max(echoEnd, header+prefix+body)
}

// pauseReader reports whether the pump returns because its Read timed out, and makes
// ready for the next. The Communicator keeps what has arrived. After Close and
// CloseRead there is no next.
func (l *LazyStream) pauseReader(err error) bool {
	// With a cause somebody is about to end the stream, and leaves it to the pump
	// to decide.
	switch {
	case l.endCause != nil || !isTimeout(err):
		return false
	case l.interrupted:
		if !l.overrideReadDeadline(time.Time{}) {
			return false
		}
	case l.in.closed || !l.hasDeadlines || !l.ifNotEnded(func() {}):
		return false
	default:
		l.foreignTimeouts++
	}
	l.interrupted = false
	l.reader = readerNone
	l.notify()
	return true
}

// interruptReader makes the inline pump return: its Read is to have a deadline, or to
// end.
func (l *LazyStream) interruptReader() {
	if l.reader == readerCaller {
		l.interrupted = true
		l.overrideReadDeadline(longAgo)
	}
}

// tryAgree makes it known that the stream is the protocol's if nothing else is to be
// done: decide for most streams.
func (l *LazyStream) tryAgree() bool {
	if l.c != nil || l.endCause != nil || l.interrupted || l.in.closed || !l.in.deadline.IsZero() {
		return false
	}
	l.reader, l.state = readerDone, LazyAgreed
	l.in.direct.Store(true)
	l.notify()
	return true
}

// conclude makes the outcome known, once. A stream that has failed is ended before
// anybody hears of it.
func (l *LazyStream) conclude(err error) {
	c := l.communicator()
	l.reader = readerDone // from here on the budget is ours
	if l.endCause != nil {
		err = l.endCause
	}
	if !l.unbuffered {
		c.sent = int32(l.firstSent)
		c.flights = 1
	}
	c.start = l.firstWait
	if err != nil || c.ext != nil || c.deadline != 0 && !c.watch.remove(c) {
		l.withoutLock(func() {
			err = c.end(context.Background(), l.protocol, []string{l.protocol}, false, err)
		})
	}
	c.deadline = 0 // removed here, or by end
	c.giveBack()
	l.notify()
	if err != nil {
		l.state, l.err = LazyFailed, err
		return
	}
	if l.endCause == nil { // else it has ended the stream, or is about to
		l.c = nil
		c.forget()
		c.pooled = true
		communicators.Put(c)
	}
	l.setAgreed()
}

// setAgreed makes it known that the stream is the protocol's.
func (l *LazyStream) setAgreed() {
	l.state = LazyAgreed
	if l.interrupted || !l.in.deadline.IsZero() {
		l.overrideReadDeadline(l.in.deadline)
	}
	l.in.direct.Store(!l.in.closed)
	if l.in.closed && !l.closed {
		l.withoutLock(func() { l.closeStreamRead() })
	}
}

// noTimeout is what is left of a budget without limit.
const noTimeout = -1 << 63

// startWaiting is called by who begins to wait for the outcome: the budget runs while
// anybody does.
func (l *LazyStream) startWaiting() {
	if l.waiters++; l.waiters == 1 && l.reader != readerDone && l.timeoutLeft != noTimeout {
		l.startTimer()
	}
}

func (l *LazyStream) stopWaiting() {
	if l.waiters--; l.waiters == 0 && l.reader != readerDone {
		l.stopTimer()
	}
}

func (l *LazyStream) startTimer() {
	if l.timeoutLeft == noTimeout {
		return
	}
	c := l.communicator()
	c.start = time.Since(epoch)
	if l.firstWait == 0 {
		l.firstWait = c.start
	}
	if c.watch == nil || inBubble(c.start) {
		c.watch = watchFor(c.start)
	}
	c.deadline = c.start + l.timeoutLeft
	c.watch.add(c)
}

// stopTimer stops the budget, and takes note of what is left.
func (l *LazyStream) stopTimer() {
	c := l.c
	if c == nil || c.deadline == 0 {
		return
	}
	if !c.watch.remove(c) {
		l.endCause = os.ErrDeadlineExceeded
	}
	l.timeoutLeft = c.deadline - time.Since(epoch)
	c.deadline = 0
}
