package multiselect

// guard decides which early data a lazy stream may send: bytes of its own
// protocol that travel before the peer has agreed to it. If the peer refuses,
// it reads them as negotiation, and whatever it makes of them must not be a
// proposal (R29; docs/protocol.md has the claim and its proof).
//
// So the guard reads early data as the most liberal of responders would: as
// messages of any size, behind lengths of up to four bytes, minimal or not, where
// a length of zero is skipped. A responder can act only on a message that is
// whole and ends with a newline; some can do without the newline. So the byte
// that would complete one of those, or any that begins with a slash, never
// leaves. The zero value is the beginning.
type guard struct {
	place  place
	read   uint8  // how many bytes of the length have been sent
	length uint32 // as far as it is known; in a body, what is left of it
}

// place is where in a message the early data has come to.
type place uint8

const (
	inLength place = iota
	atBody         // the next byte is the first of the body
	inBody
	inName // in a body that begins with a slash
)

// mostLengthBytes is where decoders begin to differ: some ignore what does not
// fit into 32 bits.
const mostLengthBytes = 4

// after reports whether all of p may be sent, and returns the state after that.
// If it may not, the state stays as it was: what was sent decides, not what was
// asked. Every beginning of what may be sent may be sent, so a short write is
// accounted for by asking again with the bytes that have left.
func (g guard) after(p []byte) (next guard, ok bool) {
	if n := len(p); g == (guard{}) && n > 1 && n < 0x80 && int(p[0]) == n-1 && p[1] != '/' && p[n-1] != '\n' {
		return g, true // one small message that is whole: the most usual request
	}
	next = g
	for len(p) > 0 {
		n, ok := 1, false
		if next.place == inLength {
			ok = next.sendLength(p[0])
		} else {
			n, ok = next.sendBody(p)
		}
		if !ok {
			return g, false
		}
		p = p[n:]
	}
	return next, true
}

// sendLength takes the next byte of a length.
func (g *guard) sendLength(b byte) (ok bool) {
	if g.read == 0 && b == 0 {
		return true // skipped by some, an error for the others
	}
	if g.read == mostLengthBytes {
		return false
	}
	g.length |= uint32(b&0x7f) << (7 * g.read)
	g.read++
	if b < 0x80 {
		g.place = atBody
		return g.length > 0
	}
	return true
}

// sendBody takes as many bytes as belong to the body.
func (g *guard) sendBody(p []byte) (n int, ok bool) {
	if g.place == atBody {
		g.place = inBody
		if p[0] == '/' {
			g.place = inName
		}
	}
	n = min(len(p), int(g.length))
	g.length -= uint32(n)
	if g.length > 0 {
		return n, true
	}
	ok = g.place == inBody && p[n-1] != '\n'
	*g = guard{}
	return n, ok
}
