package differential_test

import (
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/internal/streamtest"
	"github.com/multiselect/multiselect/wire"
)

var messages = streamtest.Messages

var errStream = errors.New("the stream has failed")

// failures are errors of Reads and Writes. Some of them have a meaning to the library,
// among them those that it makes itself and would not expect from a stream.
var failures = []error{
	io.EOF, io.ErrUnexpectedEOF, errStream, syscall.ECONNRESET, syscall.EPIPE, io.ErrClosedPipe, net.ErrClosed,
	os.ErrDeadlineExceeded, io.ErrNoProgress, io.ErrShortWrite, multiselect.ErrMalformed, multiselect.ErrTooLarge,
	&net.OpError{Op: "read", Net: "tcp", Err: syscall.ETIMEDOUT},
}

// planAnswers returns the pieces that an initiator's peer sends, in order: refusals and
// an agreement, most of the time.
func planAnswers(c *choices, proposals []string) []string {
	pieces := []string{planHeader(c)}
	for _, name := range proposals {
		switch c.below(12) {
		case 0, 1, 2, 3, 4, 5:
			pieces = append(pieces, messages(name))
			return append(pieces, planData(c))
		case 11:
			pieces = append(pieces, planNoise(c, name))
		default:
			pieces = append(pieces, messages(wire.NA))
		}
	}
	return append(pieces, planData(c))
}

// planQuestions returns the pieces that a responder's peer sends, in order: proposals,
// the last of which is registered, most of the time.
func planQuestions(c *choices, registered []string) []string {
	pieces := []string{planHeader(c)}
	count := c.below(4)
	if c.oneIn(50) {
		count = 40
	}
	for range count {
		switch c.below(12) {
		default:
			pieces = append(pieces, messages(planName(c)))
		case 9:
			pieces = append(pieces, messages(wire.LS))
		case 10:
			pieces = append(pieces, planNoise(c, planName(c)))
		case 11:
			pieces = append(pieces, planNoise(c, wire.LS))
		}
	}
	if len(registered) > 0 && !c.oneIn(6) {
		pieces = append(pieces, messages(pick(c, registered)))
	}
	return append(pieces, planData(c))
}

func planHeader(c *choices) string {
	if !c.oneIn(8) {
		return wire.HeaderFrame
	}
	switch c.below(6) {
	default:
		return flip(c, wire.HeaderFrame)
	case 1:
		return wire.HeaderFrame[:c.below(len(wire.HeaderFrame))]
	case 2:
		return "\x93\x00" + wire.HeaderFrame[1:]
	case 3:
		return wire.HeaderFrame + wire.HeaderFrame
	case 4:
		return "GET / HTTP/1.1\r\n\r\n"
	case 5:
		return messages("/multistream/1.1.0")
	}
}

// planNoise returns bytes that a good peer would not send in place of a message.
func planNoise(c *choices, name string) string {
	message := messages(name)
	switch c.below(16) {
	default:
		return flip(c, message)
	case 1:
		return message[:c.below(len(message))]
	case 2:
		return "\x00"
	case 3: // a length that is not minimal
		return string([]byte{byte(len(name)+1) | 0x80, 0}) + name + "\n"
	case 4: // no newline
		return message[:len(message)-1] + "!"
	case 5:
		return "\x80\x08" + strings.Repeat("x", c.below(1100))
	case 6:
		return "\x81\x08x"
	case 7:
		return "\xff\xff\xff\xff\xff\xff\xff\xff\x7f"
	case 8:
		return messages("")
	case 9:
		return messages("a\nb")
	case 10:
		return wire.HeaderFrame
	case 11:
		return messages(wire.NA)
	case 12:
		return messages(wire.LS)
	case 13:
		return messages(messages(name, "/foo/1.0.0"))
	case 14:
		return messages(name + " ")
	case 15:
		return message + message
	}
}

// planData returns the first bytes of the protocol, which look like negotiation or not.
func planData(c *choices) string {
	switch c.below(8) {
	default:
		return ""
	case 4:
		return "data"
	case 5:
		return messages(wire.NA)
	case 6:
		return planNoise(c, planName(c))
	case 7:
		return messages(planName(c), planName(c))
	}
}

// flip changes a bit.
func flip(c *choices, s string) string {
	b := []byte(s)
	b[c.below(len(b))] ^= 1 << c.below(8)
	return string(b)
}

// planReads cuts the peer's bytes into Reads, and puts unusual results between them. A
// peer may leave early.
func (p *plan) planReads(c *choices, pieces []string) {
	if c.oneIn(6) {
		pieces = pieces[:c.between(1, len(pieces))]
		last := &pieces[len(pieces)-1]
		*last = (*last)[:c.below(len(*last)+1)]
	}
	for _, bytes := range cut(c, pieces) {
		p.steps = append(p.steps, step{bytes: bytes})
	}
	if c.oneIn(5) {
		for range c.between(1, 3) {
			p.planOddRead(c)
		}
	}
	p.last = io.EOF
	if c.oneIn(3) {
		p.last = pick(c, ends)
	}
	if p.role == multiselect.Responder && len(p.steps) > 0 && c.oneIn(6) {
		for range c.between(1, 3) {
			p.planChange(c)
		}
	}
}

// planOddRead adds a Read that returns no bytes, or fails.
func (p *plan) planOddRead(c *choices) {
	at := c.below(len(p.steps) + 1)
	switch c.below(6) {
	default: // neither bytes nor an error
		p.steps = slices.Insert(p.steps, at, step{})
	case 2: // bytes and an error
		if at < len(p.steps) {
			p.steps[at].err = pick(c, failures)
		}
	case 3: // an error once, and bytes after it
		p.steps = slices.Insert(p.steps, at, step{err: pick(c, failures)})
	case 4:
		p.steps = slices.Insert(p.steps, at, step{count: pick(c, impossibles), err: pick(c, ends)})
	case 5: // about as many Reads without a result as are tolerated
		p.steps = slices.Insert(p.steps, at, make([]step, c.between(98, 101))...)
	}
}

// planChange adds a change of the names that are registered to one of the first Reads.
func (p *plan) planChange(c *choices) {
	s := &p.steps[c.below(min(4, len(p.steps)))]
	s.change = pick(c, changes)
	s.name = planName(c)
	if len(p.registered) > 0 && c.below(2) == 0 {
		s.name = pick(c, p.registered)
	}
}

var (
	ends        = append([]error{nil}, failures...) // nil: neither bytes nor an error
	impossibles = []impossible{negative, tooMany}
	changes     = []change{adds, removes, replaces}
)

// cut returns the pieces in the form in which they arrive.
func cut(c *choices, pieces []string) (chunks []string) {
	whole := strings.Join(pieces, "")
	switch c.below(6) {
	case 0: // as much as each Read wants
		return nonempty(whole)
	case 1:
		return nonempty(pieces...)
	case 2:
		return streamtest.Bytewise(whole)
	case 3, 4: // one cut, mostly within the first two messages
		at := c.below(min(70, len(whole)) + 1)
		return nonempty(whole[:at], whole[at:])
	}
	for whole != "" {
		n := min(c.between(1, 45), len(whole))
		chunks = append(chunks, whole[:n])
		whole = whole[n:]
	}
	return chunks
}

func nonempty(pieces ...string) (chunks []string) {
	for _, piece := range pieces {
		if piece != "" {
			chunks = append(chunks, piece)
		}
	}
	return chunks
}
