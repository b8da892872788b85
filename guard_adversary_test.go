package multiselect

import (
	"io"
	"iter"
	"math/rand/v2"
	"strings"

	"github.com/multiselect/multiselect/wire"
)

// adversary is early data behind a refused proposal, made so that a responder
// may find another proposal in it.
type adversary struct {
	proposal string
	known    []string // to the responder; the proposal is not among them
	payload  []byte
	writes   []byte // sizes, less one, over and over
	chunks   []byte // in which it arrives
	end      error  // what the responder reads behind it
}

// adversaryNames are what responders know. Some make lengths that look like
// something else.
var adversaryNames = []string{
	"/bar/2.0.0",
	"/b",
	"/foo/bar1",                   // 10 bytes on the wire: the length is a newline
	"/" + strings.Repeat("s", 45), // 47 bytes: a slash
	"/" + strings.Repeat("L", 200),
	"svc/raw", // no slash
	"b",
}

// adversaries yields n cases, the same ones each time.
func adversaries(n int) iter.Seq[*adversary] {
	return func(yield func(*adversary) bool) {
		a := maker{rand.New(rand.NewPCG(4, 2))}
		for range n {
			if !yield(a.adversary()) {
				return
			}
		}
	}
}

// maker makes early data out of the parts of proposals.
type maker struct{ *rand.Rand }

func (m maker) adversary() *adversary {
	a := &adversary{
		proposal: pick(m, "/refused", "/refused/1.0.0", "refused", "/"+strings.Repeat("r", 130)),
		writes:   m.sizes(),
		chunks:   m.sizes(),
		end:      pick(m, io.EOF, errReset),
	}
	for _, name := range adversaryNames {
		if m.IntN(2) == 0 {
			a.known = append(a.known, name)
		}
	}
	if len(a.known) == 0 {
		a.known = adversaryNames[:1]
	}
	for range 1 + m.IntN(5) {
		a.payload = append(a.payload, m.part(a.known)...)
	}
	if m.IntN(5) == 0 {
		a.payload = a.payload[:m.IntN(len(a.payload)+1)]
	}
	return a
}

func pick[T any](m maker, from ...T) T { return from[m.IntN(len(from))] }

func (m maker) sizes() []byte {
	switch m.IntN(3) {
	case 0:
		return []byte{0} // byte by byte
	case 1:
		return []byte{byte(m.IntN(16)), byte(m.IntN(4)), byte(m.IntN(200))}
	}
	return nil // all at once
}

func (m maker) part(known []string) []byte {
	switch m.IntN(10) {
	case 0:
		return []byte(strings.Repeat("\x00", 1+m.IntN(3)))
	case 1:
		return padded(0, 1+m.IntN(6))
	case 2:
		return []byte(m.text(known)) // without any length
	case 3, 4:
		return m.filler()
	case 5:
		random := make([]byte, 1+m.IntN(8))
		for i := range random {
			random[i] = pick(m, '\n', '/', 0, 1, 2, 3, 0x80, 0x81, 'b', byte(m.IntN(256)))
		}
		return random
	}
	text := m.text(known)
	return append(m.length(len(text)), text...)
}

// text is the text of a message that holds a known name, with its newline or
// whatever stands for it.
func (m maker) text(known []string) string {
	name := pick(m, known...)
	end := "\n"
	if m.IntN(3) == 0 {
		end = pick(m, "", "\n\n", " \n", "\r\n", "\x00\n", "\nx", "/\n")
	}
	switch m.IntN(12) {
	case 0:
		return "x\n" + name + end
	case 1:
		return "\n" + name + end
	case 2:
		return string(wire.AppendMessage(nil, name)) + end
	case 3:
		return name[:m.IntN(len(name))] + end
	}
	return name + end
}

// length encodes the length of a message in any of the ways in which it has ever
// been decoded, and sometimes wrongly.
func (m maker) length(n int) []byte {
	size := uint64(n)
	switch m.IntN(10) {
	case 0:
		size += pick(m, uint64(1<<14), 1<<21, 1<<28, 1<<32, 1<<32, 1<<35)
	case 1:
		size = max(1, size+pick(m, ^uint64(0), 1)) // one less, or one more
	}
	if m.IntN(2) == 0 {
		return padded(size, 1)
	}
	return padded(size, 1+m.IntN(10))
}

// padded encodes a length in so many bytes, or more if they do not suffice.
func padded(n uint64, size int) (b []byte) {
	for ; n >= 0x80 || len(b) < size-1; n >>= 7 {
		b = append(b, byte(n)|0x80)
	}
	return append(b, byte(n))
}

// filler is a message without a name, of a size at which decoders differ. Now
// and then a byte of it is missing.
func (m maker) filler() []byte {
	n := pick(m, 1, 2, 10, 47, 126, 127, 128, 1023, 1024, 1025, 1025)
	if m.IntN(300) == 0 {
		n = pick(m, 16383, 16384, 70000)
	}
	body := strings.Repeat(pick(m, "x", "x", "\n", "/", "\x00", "\x80"), n-1) + pick(m, "x", "x", "x", "\n")
	return append(padded(uint64(n), 1), body[:n-m.IntN(8)/7]...)
}
