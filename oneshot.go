package multiselect

import (
	"errors"
	"io"
	"net"
	"time"
)

// onlyShot ends the negotiation of a [Muxer.OneShot] that has refused.
func (m *Muxer) onlyShot(c *Communicator) error {
	if err := c.finish(); err != nil {
		return err
	}
	c.part(&m.Limits)
	return ErrGaveUp
}

// parting is how long a refusal may stand before the stream is ended. It does not
// depend on the distance: what ends the stream travels as fast as the answer does.
const parting = 500 * time.Millisecond

// part lets the peer hear what was said last: a reset, or the end of a TCP
// connection with unread bytes, would overtake it. So this side says that it has
// done, and drops what the peer has sent behind its proposal until the peer has
// left, or for a moment, or up to the limit on bytes. It does nothing on a stream
// that has no deadlines or no CloseWrite.
func (c *Communicator) part(l *Limits) {
	s, ok := c.stream.(interface {
		CloseWrite() error
		SetReadDeadline(t time.Time) error
	})
	if !ok || s.CloseWrite() != nil {
		return
	}
	err := net.ErrClosed // the deadline that ends the stream must not be taken back
	c.unlessEnded(func() { err = s.SetReadDeadline(time.Now().Add(parting)) })
	if err == nil {
		io.Copy(io.Discard, io.LimitReader(c.stream, int64(l.bytes())))
	}
}

// isEarlyData reports whether err is what a responder makes of early data behind
// a proposal that it has refused (R18).
func isEarlyData(err error, lastWasNA bool) bool {
	return lastWasNA && (errors.Is(err, ErrMalformed) || errors.Is(err, ErrTooLarge))
}
