package multiselect

import (
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"time"

	"github.com/multiselect/multiselect/internal/rules"
	"github.com/multiselect/multiselect/internal/streamend"
	"github.com/multiselect/multiselect/internal/watchdog"
)

// This file reads the answer on lazy streams, and wakes the calls that wait for the
// outcome. Unless noted otherwise, its methods are called with l.mu held.

// answerReader identifies the goroutine that reads the answer (R12, R14). On a stream with
// deadlines, a Read without a deadline, or a Wait with a context that never ends, reads it in
// the caller's goroutine. Other calls start a background goroutine and wait for it.
type answerReader uint8

const (
	readerNone       answerReader = iota // none: the next call that waits starts or resumes
	readerCaller                         // a caller's, which interruptReader makes return
	readerBackground                     // a background goroutine, until the outcome is known
	readerDone                           // none: the outcome is known, or about to be
)

// canReadAnswer reports whether a call on h can read the answer in its own goroutine. A
// deadline of the stream must be able to interrupt the read.
func (l *LazyStream) canReadAnswer(h *half) bool {
	return l.reader == readerNone && l.firstSent == l.firstSize && h != &l.out && l.hasDeadlines && h.deadline.IsZero() && !h.closed
}

// awaitOutcome blocks until the outcome is known, and returns nil if the peer has agreed.
// It first sends the unsent rest of the header and the proposal (R11), and reads the answer
// if no other goroutine does.
func (l *LazyStream) awaitOutcome(ctx context.Context, h *half) error {
	if l.state == LazyPending {
		l.startWaiting()
		defer l.stopWaiting()
	} else if l.unobserved && h != &l.out {
		l.unobserved = false
		l.in.direct.Store(!l.in.closed)
	}
	before := l.foreignTimeouts
	if h == &l.in {
		l.awaitFirstWrite()
	}
	var sending backgroundSend
	for {
		err := l.waitErr(ctx, h)
		switch {
		case err != nil || l.state != LazyPending:
			return err
		case l.foreignTimeouts != before:
			return os.ErrDeadlineExceeded
		case l.closed: // the linger reads the answer
			l.waitChangeUntil(h)
		case l.firstSent < l.firstSize && !l.writing && !sending.pending:
			if err := l.sendFirstFor(ctx, h, &sending); err != nil {
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

// backgroundSend is a write of the header and the proposal for a call that may end before it does.
type backgroundSend struct {
	pending bool
	err     error
}

// sendFirstFor is sendFirst for a call on h. If the call can end by ctx or a read deadline, and the
// write may block, it is made by a goroutine.
func (l *LazyStream) sendFirstFor(ctx context.Context, h *half, sending *backgroundSend) error {
	canEnd := ctx.Done() != nil || h == &l.in && !h.deadline.IsZero()
	switch {
	case sending.err != nil:
		return sending.err
	case !canEnd || l.unbuffered || isSocket(l.stream):
		return l.sendFirst()
	}
	sending.pending = true
	go func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		defer l.recoverPanic()
		defer func() {
			sending.pending = false
			l.notify()
		}()
		if l.firstSent < l.firstSize && !l.writing {
			sending.err = l.sendFirst()
		}
	}()
	return nil
}

// waitErr returns the reason for which a call on h must stop waiting, or nil: it is
// closed, its deadline has expired, or ctx has ended.
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

// closedErr returns [net.ErrClosed] if h is closed, and otherwise the error of a failed
// negotiation, or nil.
func (l *LazyStream) closedErr(h *half) error {
	if h.closed {
		return net.ErrClosed
	}
	return l.err
}

// waitChangeUntil is waitChange with the deadline of h. It may return early.
func (l *LazyStream) waitChangeUntil(h *half) {
	if !h.deadline.IsZero() {
		defer time.AfterFunc(time.Until(h.deadline), l.lockAndNotify).Stop()
	}
	l.waitChange()
}

// waitChange blocks until notify is called. It releases l.mu meanwhile. Few streams need
// the condition variable, so the first call creates it.
func (l *LazyStream) waitChange() {
	if l.cond == nil {
		l.cond = sync.NewCond(&l.mu)
	}
	l.cond.Wait()
}

// notify wakes the goroutines in waitChange. It must follow each change they may wait for.
func (l *LazyStream) notify() {
	if l.cond != nil {
		l.cond.Broadcast()
	}
}

// lockAndNotify is notify for callers that do not hold l.mu.
func (l *LazyStream) lockAndNotify() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.notify()
}

// withoutLock calls f, which may block or panic, with l.mu released.
func (l *LazyStream) withoutLock(f func()) {
	l.mu.Unlock()
	defer l.mu.Lock()
	f()
}

// startReader starts a background reader if there is no reader.
func (l *LazyStream) startReader() {
	if l.reader == readerNone {
		l.reader = readerBackground
		go func() {
			l.mu.Lock()
			defer l.mu.Unlock()
			defer l.recoverPanic()
			l.readAnswer(nil, nil, 0, nil)
		}()
	}
}

var errReadPanic = errors.New("panic while reading the answer")

// readAnswer reads the answer and concludes the negotiation, or pauses; see pauseReader.
// The caller must own l.reader. readAnswer releases l.mu while it reads.
//
// If buf is not nil, readAnswer continues after a read of the stream into buf that
// returned got and failed. It copies data after the answer into p, and returns its size
// as n; without an agreement n is 0.
func (l *LazyStream) readAnswer(p, buf []byte, got int, failed error) (n int) {
	c := l.communicator()
	l.mu.Unlock()
	err := errReadPanic
	defer func() {
		l.mu.Lock()
		if l.reader == readerBackground {
			if panicked := recordPanic(recover()); panicked != nil {
				err = panicked
			}
		}
		if err == nil || !l.pauseReader(err) {
			l.conclude(err)
		}
	}()
	if buf != nil {
		if 0 < got && got <= len(buf) {
			answer := min(got, rules.AnswerEnd(buf[:got], l.firstSize, int(c.maxMessage)))
			copy(c.in.buffer(answer, answer), buf)
			n = copy(p, buf[answer:got])
			got = answer
		}
		if err = c.in.record(got, len(buf), failed); err != nil {
			return 0
		}
	}
	client := Client{Limits: Limits{MaxBytes: int(l.maxBytes)}}
	if err = refusedError(client.answer(c, l.protocol)); err != nil {
		return 0
	}
	return n
}

// pauseReader releases l.reader if err is a deadline of the stream that ends only this read and not
// the negotiation, and reports whether it did. The next call that waits resumes with the part of
// the answer that c has received. After Close and CloseRead the reader never pauses.
func (l *LazyStream) pauseReader(err error) bool {
	failed, ok := errors.AsType[*CommunicatorError](err)
	switch {
	case ok && failed.Op == "write":
		return false // of an unbuffered stream: the answer may have been read
	case l.endCause != nil || !isTimeout(err):
		// With a cause, another call is about to end the stream, and the reader must
		// conclude the negotiation.
		return false
	case l.interrupted:
		if !l.overrideDeadline(deadliner.SetReadDeadline, time.Time{}) {
			return false
		}
	case l.in.closed || !l.hasDeadlines || l.isEnding():
		return false
	default: // the stream's owner has set a deadline on the stream itself
		l.foreignTimeouts++
	}
	l.interrupted = false
	l.reader = readerNone
	l.notify()
	return true
}

// interruptReader makes a reader in a caller's goroutine return, because its call now has
// a deadline or must end.
func (l *LazyStream) interruptReader() {
	if l.reader == readerCaller {
		l.interrupted = true
		l.overrideDeadline(deadliner.SetReadDeadline, streamend.LongAgo)
	}
}

// tryAgree sets the state to LazyAgreed if conclude would do no more, as for most streams,
// and reports whether it did.
func (l *LazyStream) tryAgree() bool {
	if l.c != nil || l.endCause != nil || l.interrupted || l.in.closed || !l.in.deadline.IsZero() {
		return false
	}
	l.reader, l.state = readerDone, LazyAgreed
	l.in.direct.Store(true)
	l.notify()
	return true
}

// conclude ends the negotiation, with an agreement if err is nil, and sets the state. It
// is called once, by the owner of l.reader. If the negotiation has failed, the stream is
// ended before the state shows it (R25, R30). conclude releases l.mu meanwhile.
func (l *LazyStream) conclude(err error) {
	c := l.communicator()
	l.pauseTimeout()
	l.reader = readerDone // the timer is c's from here on
	if l.endCause != nil {
		err = l.endCause
	}
	if err != nil && l.writing && l.sendStarted { // not in traceFirst
		// Unblock the write, whose count belongs to the error.
		l.withoutLock(func() { c.endStream() })
		for l.writing {
			l.waitChange()
		}
	}
	if !l.unbuffered {
		c.out.sent = int32(l.firstSent)
		c.out.writes = 1
	}
	c.life.start = l.firstWait
	if err != nil || c.rare != nil || !c.stopTimer() {
		l.withoutLock(func() {
			defer func() { // of a hook: other calls wait for the state
				if panicked := recordPanic(recover()); panicked != nil {
					c.endStream()
					if c.rare != nil {
						c.rare.trace = nil
					}
					err = c.failure([]string{l.protocol}, panicked)
				}
			}()
			err = c.end(context.Background(), l.protocol, []string{l.protocol}, false, err)
		})
	}
	c.in.release()
	l.notify()
	if err != nil {
		l.state, l.err = LazyFailed, err
		return
	}
	if l.endCause == nil { // otherwise another goroutine may be ending the stream through c
		l.c = nil
		c.clear()
		c.pooled = true
		communicators.Put(c)
		if l.lingers != lingerNone { // the linger has the rest of its time
			l.resumeTimeout()
		}
	}
	l.state = LazyAgreed
	l.unobserved = l.waiters == 0 || l.waiters == 1 && l.blocked
	// Apply the read deadline and the CloseRead that have waited for the agreement.
	if l.interrupted || !l.in.deadline.IsZero() {
		l.overrideDeadline(deadliner.SetReadDeadline, l.in.deadline)
	}
	l.in.direct.Store(!l.in.closed && !l.unobserved)
	if l.in.closed && !l.closed {
		l.withoutLock(func() { l.closeStreamRead() })
	}
}

// noTimeout is the value of timeoutLeft if there is no timeout.
const noTimeout = -1 << 63

// startWaiting counts a call that is about to block for the outcome. The timer of the
// negotiation runs while there is one (R24).
func (l *LazyStream) startWaiting() {
	if l.waiters++; l.waiters == 1 && l.reader != readerDone && l.timeoutLeft != noTimeout {
		l.resumeTimeout()
	}
}

// stopWaiting is called once after each startWaiting.
func (l *LazyStream) stopWaiting() {
	if l.waiters--; l.waiters == 0 && l.reader != readerDone {
		l.pauseTimeout()
	}
}

// resumeTimeout ends the stream after timeoutLeft, unless pauseTimeout is called before.
func (l *LazyStream) resumeTimeout() {
	if l.timeoutLeft == noTimeout {
		return
	}
	now := watchdog.Now()
	if l.firstWait == 0 {
		l.firstWait = now
	}
	l.communicator().startTimer(now, l.timeoutLeft)
}

// pauseTimeout stops the timer if it runs, and updates timeoutLeft and endCause.
func (l *LazyStream) pauseTimeout() {
	if l.c == nil {
		return
	}
	deadline, ok := l.c.life.entry.Deadline()
	if !ok {
		return
	}
	if !l.c.stopTimer() {
		l.endCause = os.ErrDeadlineExceeded
	}
	l.timeoutLeft = deadline - watchdog.Now()
}
