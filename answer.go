package multiselect

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
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

// Read waits for the agreement, and then reads from the stream. If it takes the
// agreement off itself, what is behind that may come in the same read of the
// stream: no more than p has room for.
func (l *LazyStream) Read(p []byte) (n int, err error) {
	if !l.in.direct.Load() {
		if n, err = l.hear(p); n > 0 || err != nil {
			return n, err
		}
	}
	return l.c.stream.Read(p)
}

// WriteTo waits for the agreement, and then copies like [io.Copy] from the
// stream to w.
func (l *LazyStream) WriteTo(w io.Writer) (int64, error) {
	if _, err := l.hear(nil); err != nil {
		return 0, err
	}
	return io.Copy(w, l.c.stream)
}

// hear waits for the outcome like await. If it is this call that reads the answer,
// n bytes that came behind it are in p.
func (l *LazyStream) hear(p []byte) (n int, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	ctx := context.Background()
	if l.state == LazyPending && l.mayPump(ctx, &l.in) {
		missed := l.missed
		l.hold()
		defer l.release()
		l.pump = pumpInline
		n = l.listen(p)
		switch err := l.gone(&l.in); {
		case err != nil: // it may have come behind the bytes
			return 0, err
		case n > 0:
			return n, nil
		case l.missed != missed:
			return 0, os.ErrDeadlineExceeded
		}
	}
	return 0, l.await(ctx, &l.in)
}

// mayPump reports whether a call reads the answer itself.
func (l *LazyStream) mayPump(ctx context.Context, h *half) bool {
	return l.pump == pumpIdle && l.sent == l.size && h != &l.out && l.timed != nil && h.deadline.IsZero() && !h.closed && ctx.Done() == nil
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
		case l.mayPump(ctx, h):
			l.pump = pumpInline
			l.listen(nil)
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
	l.change.Wait()
}

func (l *LazyStream) wake() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.change.Broadcast()
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
	l.listen(nil)
}

var errPanic = errors.New("a panic while the answer was read")

// listen reads the answer and decides, or stops where it is if it is interrupted, or
// meets a deadline that the stream's owner has set past the LazyStream. It reads
// without the lock. n counts what it has read behind the answer, into p.
func (l *LazyStream) listen(p []byte) (n int) {
	err := errPanic
	if l.writing && l.c.buf == nil { // out of small, see writeFirst
		l.c.buf = largeBuffers.Get().(*[largeBuffer]byte)[:]
	}
	l.mu.Unlock()
	defer func() {
		l.mu.Lock()
		if err == nil || !l.stop(err) {
			l.decide(err)
		}
	}()
	client := Client{Limits: Limits{Bytes: l.bytes}}
	n, err = client.lazyAnswer(&l.c, l.protocol, p)
	return n
}

// lazyAnswer is answer for a proposal that was sent with the header. It tries
// the short way first, and there whoever wants to read behind the answer has it
// in the same read: into p, which is all that can be read too much, and scratch
// space in any case. n counts the bytes of p; without the agreement it is 0, and
// nobody wants them.
func (cl *Client) lazyAnswer(c *Communicator, protocol string, p []byte) (n int, err error) {
	const header = len(wire.HeaderFrame)
	size := header + len(protocol) + 2
	if c.buf != nil || len(protocol) > mostShortName || c.ext != nil {
		return 0, cl.answer(c, protocol)
	}
	c.buf = c.small[:]
	arrived := &c.small
	room := c.small[:min(size+len(p), smallBuffer)]
	if len(p) >= smallBuffer {
		arrived, room = (*[smallBuffer]byte)(p), p
	}
	got, err := c.stream.Read(room)
	if got >= size && got <= len(room) && isHeader(arrived) && isEcho(arrived[header:size], protocol) {
		c.got = int32(size)
		c.headerReceived = true
		c.phase = PhaseProposal
		return copy(p, room[size:got]), nil
	}
	if 0 < got && got <= len(room) {
		got = min(got, c.enough(room[:got], size))
		copy(c.room(got, got), room)
	}
	if err := c.took(got, len(room), err); err != nil {
		return 0, err
	}
	return 0, cl.answer(c, protocol)
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
	case l.in.closed || l.timed == nil || !l.c.unlessEnded(func() {}):
		return false
	default:
		l.missed++
	}
	l.interrupted = false
	l.pump = pumpIdle
	l.change.Broadcast()
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

// decide makes the outcome known, once. A stream that has failed is ended before
// anybody hears of it.
func (l *LazyStream) decide(err error) {
	l.pump = pumpDone // from here on the budget is ours
	if l.cause != nil {
		err = l.cause
	}
	if !l.isUnbuffered {
		l.c.sent = int32(l.sent)
		l.c.flights = 1
	}
	l.c.start = l.began
	if err != nil || l.c.ext != nil || l.c.deadline != 0 && !l.c.watch.remove(&l.c) {
		l.unlocked(func() {
			err = l.c.end(context.Background(), l.protocol, []string{l.protocol}, false, err)
		})
	}
	l.c.deadline = 0 // removed here, or by end
	l.c.giveBack()
	l.change.Broadcast()
	if err != nil {
		l.state, l.err = LazyFailed, err
		return
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
	if l.waiters++; l.waiters == 1 && l.pump != pumpDone {
		l.arm()
	}
}

func (l *LazyStream) release() {
	if l.waiters--; l.waiters == 0 && l.pump != pumpDone {
		l.disarm()
	}
}

func (l *LazyStream) arm() {
	c := &l.c
	if l.left == noBudget {
		return
	}
	c.start = time.Since(epoch)
	if l.began == 0 {
		l.began = c.start
	}
	if c.watch == nil {
		c.watch = watchFor(c.start)
	}
	c.deadline = c.start + l.left
	c.watch.add(c)
}

// disarm stops the budget, and takes note of what is left.
func (l *LazyStream) disarm() {
	c := &l.c
	if c.deadline == 0 {
		return
	}
	if !c.watch.remove(c) {
		l.cause = os.ErrDeadlineExceeded
	}
	l.left = c.deadline - time.Since(epoch)
	c.deadline = 0
}
