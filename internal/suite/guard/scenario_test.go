package guard_test

import (
	"io"
	"iter"
	"math/rand/v2"
	"strings"

	"github.com/multiselect/multiselect/wire"
)

// scenario is early data after a refused proposal, made so that a responder may
// find another proposal in it.
type scenario struct {
	proposal string
	known    []string // names that the responder knows; the proposal is not one of them
	payload  []byte
	writes   []byte // sizes of the writes, minus one, used in rotation; empty: one write
	chunks   []byte // sizes in which the data arrives, in the format of writes
	end      error  // the responder's read error after the data
}

// knownNames are the names from which each scenario takes those that its responder
// knows. Some have a length that looks like another byte of the protocol.
var knownNames = []string{
	"/bar/2.0.0",
	"/b",
	"/foo/bar1",                   // 10 bytes on the wire: the length byte is a newline
	"/" + strings.Repeat("s", 45), // 47 bytes: the length byte is a slash
	"/" + strings.Repeat("L", 200),
	"svc/raw", // no slash
	"b",
}

// scenarios yields n scenarios from a fixed seed.
func scenarios(n int) iter.Seq[*scenario] {
	return func(yield func(*scenario) bool) {
		g := generator{rand.New(rand.NewPCG(4, 2))}
		for range n {
			if !yield(g.scenario()) {
				return
			}
		}
	}
}

// generator builds early data from parts of proposals.
type generator struct{ *rand.Rand }

func (g generator) scenario() *scenario {
	s := &scenario{
		proposal: pick(g, "/refused", "/refused/1.0.0", "refused", "/"+strings.Repeat("r", 130)),
		writes:   g.sizes(),
		chunks:   g.sizes(),
		end:      pick(g, io.EOF, errReset),
	}
	for _, name := range knownNames {
		if g.IntN(2) == 0 {
			s.known = append(s.known, name)
		}
	}
	if len(s.known) == 0 {
		s.known = knownNames[:1]
	}
	for range 1 + g.IntN(5) {
		s.payload = append(s.payload, g.part(s.known)...)
	}
	if g.IntN(5) == 0 {
		s.payload = s.payload[:g.IntN(len(s.payload)+1)]
	}
	return s
}

func pick[T any](g generator, from ...T) T { return from[g.IntN(len(from))] }

// sizes returns sizes of writes or chunks.
func (g generator) sizes() []byte {
	switch g.IntN(3) {
	case 0:
		return []byte{0} // byte by byte
	case 1:
		return []byte{byte(g.IntN(16)), byte(g.IntN(4)), byte(g.IntN(200))}
	}
	return nil // everything together
}

// part returns one part of a payload.
func (g generator) part(known []string) []byte {
	switch g.IntN(10) {
	case 0:
		return []byte(strings.Repeat("\x00", 1+g.IntN(3)))
	case 1:
		return padded(0, 1+g.IntN(6))
	case 2:
		return []byte(g.text(known)) // without a length
	case 3, 4:
		return g.filler()
	case 5:
		random := make([]byte, 1+g.IntN(8))
		for i := range random {
			random[i] = pick(g, '\n', '/', 0, 1, 2, 3, 0x80, 0x81, 'b', byte(g.IntN(256)))
		}
		return random
	}
	text := g.text(known)
	return append(g.length(len(text)), text...)
}

// text returns the text of a message with a known name, and a newline or something
// similar.
func (g generator) text(known []string) string {
	name := pick(g, known...)
	end := "\n"
	if g.IntN(3) == 0 {
		end = pick(g, "", "\n\n", " \n", "\r\n", "\x00\n", "\nx", "/\n")
	}
	switch g.IntN(12) {
	case 0:
		return "x\n" + name + end
	case 1:
		return "\n" + name + end
	case 2:
		return string(wire.AppendMessage(nil, name)) + end
	case 3:
		return name[:g.IntN(len(name))] + end
	}
	return name + end
}

// length encodes the length of a message in every form that some decoder accepts, and
// sometimes incorrectly.
func (g generator) length(n int) []byte {
	size := uint64(n)
	switch g.IntN(10) {
	case 0:
		size += pick(g, uint64(1<<14), 1<<21, 1<<28, 1<<32, 1<<32, 1<<35)
	case 1:
		size = max(1, size+pick(g, ^uint64(0), 1)) // one less or one more
	}
	if g.IntN(2) == 0 {
		return padded(size, 1)
	}
	return padded(size, 1+g.IntN(10))
}

// padded encodes n as a varint of at least size bytes.
func padded(n uint64, size int) (b []byte) {
	for ; n >= 0x80 || len(b) < size-1; n >>= 7 {
		b = append(b, byte(n)|0x80)
	}
	return append(b, byte(n))
}

// filler returns a message without a name, of a size at which decoders differ. Some of
// them lack their last byte.
func (g generator) filler() []byte {
	n := pick(g, 1, 2, 10, 47, 126, 127, 128, 1023, 1024, 1025, 1025)
	if g.IntN(300) == 0 {
		n = pick(g, 16383, 16384, 70000)
	}
	body := strings.Repeat(pick(g, "x", "x", "\n", "/", "\x00", "\x80"), n-1) + pick(g, "x", "x", "x", "\n")
	return append(padded(uint64(n), 1), body[:n-g.IntN(8)/7]...)
}
