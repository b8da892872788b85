package dropin

import (
	"fmt"
	"io"
	"strings"

	"github.com/multiselect/multiselect/wire"
)

// scene is one conversation that both implementations are put into.
type scene struct {
	role     string   // "responder", "initiator" or "lazy"
	names    []string // the handlers, or the proposals
	function string   // the prefix that a match function of the responder accepts
	script   []chunk
	over     error
	writes   int
	early    bool // an answer may come before its question
}

func (s scene) String() string {
	var script strings.Builder
	for _, c := range s.script {
		fmt.Fprintf(&script, " %d:%.60q", c.after, c.bytes)
	}
	return fmt.Sprintf("%s of %.80q, function %q, then %v, %d writes:%s",
		s.role, s.names, s.function, s.over, s.writes, script.String())
}

// dice turns bytes into choices, so that a fuzzer and a generator find the same
// scenes. When there are no more bytes, it always throws 0.
type dice struct{ bytes []byte }

func (d *dice) throw(n int) int {
	if len(d.bytes) == 0 {
		return 0
	}
	b := int(d.bytes[0])
	d.bytes = d.bytes[1:]
	return b % n
}

// one reports true once in n throws.
func (d *dice) one(n int) bool { return d.throw(n) == n-1 }

func pick[T any](d *dice, from []T) T { return from[d.throw(len(from))] }

// Throw 0 is what is usual.
var (
	usual    = []string{"/a", "/b/1.0.0", "/ipfs/id/1.0.0", "/b/1.0.0x", "/ipfs/kad/1.0.0", "x", "/a/"}
	reserved = []string{"na", "", "ls", wire.Header, "/a\n/b", strings.Repeat("y", 1024)}
	odd      = []string{"/multistream/1.0", "NA", "/a ", "/\x00", "\xff\xfe", strings.Repeat("z", 127), strings.Repeat("z", 1023)}
	framings = []string{"\x00", "\x82\x00/\n", "\x81\x08", "\xff\xff\xff\x7f", "\x02ab", "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", "\x05/a", "\xff", "GET / HTTP/1.1\r\n\r\n", "\x16\x03\x01\x02\x00\x01\x00"}
)

func (d *dice) name() string {
	switch {
	case d.one(24):
		return pick(d, reserved)
	case d.one(12):
		return pick(d, odd)
	}
	return pick(d, usual)
}

func say(text string) string { return string(wire.AppendMessage(nil, text)) }

// roll makes a scene of bytes.
func roll(entropy []byte) scene {
	d := &dice{entropy}
	s := scene{role: pick(d, []string{"responder", "initiator", "lazy", "responder", "initiator"}), over: io.EOF, writes: -1}
	for range 1 + d.throw(3) {
		s.names = append(s.names, d.name())
	}
	if d.one(8) {
		s.over = errReset
	}
	if d.one(16) {
		s.writes = d.throw(3)
	}
	switch s.role {
	case "responder":
		s.proposals(d)
	case "initiator":
		s.answers(d)
	default:
		s.names = s.names[:1]
		s.answers(d)
	}
	s.cut(d)
	return s
}

// header is nearly always the header.
func (d *dice) header() string {
	if d.one(12) {
		return pick(d, append(framings, say("/multistream/1.1.0"), say("/multistream/1.0.0 "), say("na"), "", say(wire.Header)[:10]))
	}
	return say(wire.Header)
}

func (s *scene) proposals(d *dice) {
	if d.one(8) {
		s.function = pick(d, []string{"/b", "/ip", "", "n"})
	}
	said := d.header()
	switch {
	case d.one(64):
		said += strings.Repeat(say("/no"), 126+d.throw(4))
	case d.one(4):
		said += say(pick(d, usual)) + say(d.name())
	}
	switch {
	case d.one(20):
		said += pick(d, framings)
	case d.one(6):
		said += say(d.name())
	default:
		said += say(pick(d, s.names))
	}
	s.script = []chunk{{said + d.data(), 0}}
}

// answers come when they were asked for, or at any time.
func (s *scene) answers(d *dice) {
	s.script = []chunk{{d.header(), d.throw(2)}}
	for i, name := range s.names {
		c := chunk{say("na"), i + 2}
		last := i == len(s.names)-1
		switch {
		case d.one(20):
			c.bytes = pick(d, framings)
		case d.one(20):
			c.bytes = say(d.name())
		case !last && d.one(12):
			c.bytes += say(s.names[i+1])
			s.early = true
		case last && !d.one(5), d.one(3):
			c.bytes = say(name) + d.data()
			last = true
		}
		s.script = append(s.script, c)
		if last && !d.one(8) {
			return
		}
	}
}

// data is what follows the negotiation, and may look like it.
func (d *dice) data() string {
	switch d.throw(4) {
	case 0:
		return "data"
	case 1:
		return ""
	case 2:
		return say(d.name()) + "x"
	default:
		return pick(d, framings)
	}
}

// cut cuts the chunks: not at all, byte by byte, or somewhere.
func (s *scene) cut(d *dice) {
	how := d.throw(4)
	var script []chunk
	for _, c := range s.script {
		for len(c.bytes) > 0 {
			n := len(c.bytes)
			switch {
			case how == 1 && n < 200:
				n = 1
			case how > 1:
				n = 1 + min(n-1, d.throw(64))
			}
			script = append(script, chunk{c.bytes[:n], c.after})
			c.bytes = c.bytes[n:]
		}
	}
	s.script = script
}
