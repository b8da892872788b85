package multiselect

// guard decides which early data a lazy stream may send: bytes of its own
// protocol that travel before the peer has agreed to it. If the peer refuses,
// it reads them as negotiation, and whatever it makes of them must not be a
// proposal (R29; docs/protocol.md has the claim and its proof).
//
// So the guard reads early data as the most liberal of responders would: frames
// of any size, behind lengths of up to four bytes, minimal or not, where a length
// of zero is skipped. A responder can act only on a frame that is complete and
// ends with a newline, and that never leaves. The zero value is the beginning.
type guard struct {
	length uint32 // of the frame whose length is being read, or what is left of its body
	read   uint8  // how many bytes of that length have been sent
	inBody bool
	ended  bool // a frame is complete: nothing may follow it
}

// mostLengthBytes is where decoders begin to differ: some ignore what does not
// fit into 32 bits.
const mostLengthBytes = 4

// after returns the state after sending p, and whether all of p may be sent.
func (g guard) after(p []byte) (next guard, ok bool) {
	for len(p) > 0 {
		switch {
		case g.ended:
			return g, false
		case g.inBody && len(p) < int(g.length):
			g.length -= uint32(len(p))
			return g, true
		case g.inBody:
			if p[g.length-1] == '\n' {
				return g, false
			}
			p = p[g.length:]
			g = guard{ended: true}
		case g.read == 0 && p[0] == 0:
			p = p[1:] // skipped by some and an error for the others
		default:
			if !g.lengthByte(p[0]) {
				return g, false
			}
			p = p[1:]
		}
	}
	return g, true
}

// lengthByte takes the next byte of a length.
func (g *guard) lengthByte(b byte) (ok bool) {
	if g.read == mostLengthBytes {
		return false
	}
	g.length |= uint32(b&0x7f) << (7 * g.read)
	g.read++
	if b < 0x80 {
		g.inBody = true
		return g.length > 0
	}
	return true
}
