package multiselect

import "io"

// onlyShot ends the negotiation of a [Muxer.OneShot] that has refused. The peer
// hears "na" first: what it has sent behind its proposal is dropped, so that the
// end of the stream does not overtake the answer, until the peer has left, or
// the budget or the limit on bytes is used up.
func (m *Muxer) onlyShot(c *Communicator) error {
	if err := c.finish(); err != nil {
		return err
	}
	if s, ok := c.stream.(interface{ CloseWrite() error }); ok && s.CloseWrite() == nil {
		io.Copy(io.Discard, io.LimitReader(c.stream, int64(m.Limits.bytes())))
	}
	return ErrGaveUp
}
