package multiselect

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/multiselect/multiselect/wire"
)

// framing is how a responder takes messages off the wire. Each of framings
// stands for the decoders that it names, as they were in 2025 and 2026; what
// they do beside it, in answers and limits of time, makes no difference here.
type framing struct {
	name        string
	lengthBytes int    // the most that a length may have
	minimal     bool   // longer lengths than necessary are errors
	wraps       bool   // what does not fit into 32 bits of a length is lost
	limit       uint64 // on the length of a message; 0 is none
	skipsZero   bool   // a length of zero is no error
	bare        bool   // a text is a text without its newline, too
	splits      bool   // a text of several lines is as many proposals
	trims       string // what is cut off the end of a text
}

var framings = []framing{
	{name: "ours, go, nim, zig", lengthBytes: 2, minimal: true, limit: 1024},
	{name: "16383 bytes (rust, litep2p)", lengthBytes: 2, minimal: true, limit: 16383},
	{name: "no limit (c)", lengthBytes: 9, minimal: true},
	{name: "5 bytes, not minimal (jvm)", lengthBytes: 5, limit: 1024},
	{name: "10 bytes, not minimal (py, erlang)", lengthBytes: 10},
	{name: "wraps at 32 bits", lengthBytes: 10, wraps: true},
	{name: "skips zero, splits lines (cpp)", lengthBytes: 2, limit: 16383, skipsZero: true, splits: true},
	{name: "trims (js)", lengthBytes: 2, limit: 1024, trims: " \t\r\n\v\f"},
	{name: "needs no newline (dotnet)", lengthBytes: 5, skipsZero: true, bare: true, trims: "\n"},
}

var errBroken = errors.New("no message")

// length reads the length of a message.
func (f *framing) length(r *arriving) (n uint64, err error) {
	for i := range f.lengthBytes {
		b, err := r.ReadByte()
		if err != nil {
			return 0, err
		}
		n |= uint64(b&0x7f) << (7 * i)
		if b >= 0x80 {
			continue
		}
		if f.wraps {
			n &= 1<<32 - 1
		}
		if f.minimal && i > 0 && b == 0 || f.limit > 0 && n > f.limit {
			return 0, errBroken
		}
		return n, nil
	}
	return 0, errBroken
}

// texts reads one message, and appends its text, or if lines are split its lines.
func (f *framing) texts(to []string, r *arriving) ([]string, error) {
	n, err := f.length(r)
	if err != nil {
		return to, err
	}
	if n == 0 {
		if f.skipsZero {
			return to, nil
		}
		return to, errBroken
	}
	body, err := r.take(n)
	if err != nil {
		return to, err
	}
	text, whole := strings.CutSuffix(string(body), "\n")
	switch {
	case !whole && !f.bare:
		return to, errBroken
	case f.splits:
		return append(to, strings.Split(text, "\n")...), nil
	}
	return append(to, strings.TrimRight(text, f.trims)), nil
}

// respond is a responder for those names. It returns the one whose handler the
// peer has reached, if any: the header, then proposal by proposal, until one is
// known or the bytes are no message or over. What it answers is of no interest
// to a peer that has said everything it will ever say.
func (f *framing) respond(r *arriving, names []string) (reached string) {
	texts, err := f.texts(make([]string, 0, 4), r)
	if err != nil || len(texts) != 1 || texts[0] != wire.Header {
		return ""
	}
	for {
		texts, err = f.texts(texts[:0], r)
		if err != nil {
			return ""
		}
		for _, text := range texts {
			if slices.Contains(names, text) {
				return text
			}
		}
	}
}

// respondOurs is the responder of this package, for comparison.
func respondOurs(r io.Reader, names []string) (reached string) {
	m := Muxer{Limits: Limits{Timeout: -1, MaxProposals: -1, MaxBytes: -1}}
	for _, name := range names {
		if err := m.AddHandler(name, func(context.Context, string, io.ReadWriteCloser) {}); err != nil {
			panic(err) // a mistake in the test
		}
	}
	reached, _, _ = m.Negotiate(context.Background(), struct {
		io.Reader
		io.WriteCloser
	}{r, unheard{}})
	return reached
}

type unheard struct{}

func (unheard) Write(p []byte) (int, error) { return len(p), nil }
func (unheard) Close() error                { return nil }

// arriving is a stream as a responder sees it: what the initiator sent, in
// chunks of the given sizes, over and over, and how it ended.
type arriving struct {
	data   []byte
	chunks []byte
	next   int
	end    error // io.EOF or a reset
	body   []byte
	one    [1]byte
}

var errReset = errors.New("reset by the peer")

func (a *arriving) Read(p []byte) (int, error) {
	if len(a.data) == 0 {
		return 0, a.end
	}
	n := min(len(p), len(a.data))
	if len(a.chunks) > 0 {
		n = min(n, 1+int(a.chunks[a.next%len(a.chunks)]))
		a.next++
	}
	copy(p, a.data[:n])
	a.data = a.data[n:]
	return n, nil
}

func (a *arriving) ReadByte() (byte, error) {
	_, err := io.ReadFull(a, a.one[:])
	return a.one[0], err
}

// take reads a body. Room is made for what arrives: most lengths promise too
// much.
func (a *arriving) take(n uint64) ([]byte, error) {
	for a.body = a.body[:0]; uint64(len(a.body)) < n; {
		a.body = slices.Grow(a.body, 1)
		room := a.body[len(a.body):cap(a.body)]
		k, err := a.Read(room[:min(uint64(len(room)), n-uint64(len(a.body)))])
		if err != nil {
			return nil, err
		}
		a.body = a.body[:len(a.body)+k]
	}
	return a.body, nil
}
