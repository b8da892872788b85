package fuzz_test

import (
	"errors"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/wire"
)

// What follows is the protocol written down a second time, as simply as it can
// be: on everything that has arrived, from the start, and without a buffer. It
// is the oracle of the fuzz tests. It shares with the library the texts with a
// meaning, the names of the errors and, for lists, the parser of wire.

const modelHeader = "\x13/multistream/1.0.0\n"

// parsed is what stands at the front of some bytes.
type parsed struct {
	text  string
	size  int // of the whole message, 0 while its length is incomplete
	whole bool
	err   error
}

// parse reads a message by the book: one to three length bytes, seven bits
// each, the lowest first, none of them useless.
func parse(b string, limit int) (p parsed) {
	lengths, body := 1, 0
	for most := 1; most <= 3 && limit >= 1<<(7*most); most++ {
		lengths++
	}
	for i := 0; ; i++ {
		switch {
		case i == len(b):
			return p
		case b[i] == 0: // nothing, or nothing more
			p.err = multiselect.ErrMalformed
			return p
		case b[i] >= 128 && i+1 == lengths:
			p.err = multiselect.ErrTooLarge
			return p
		}
		body += int(b[i]%128) << (7 * i)
		if b[i] < 128 {
			p.size = i + 1 + body
			break
		}
	}
	switch {
	case body > limit:
		p.err = multiselect.ErrTooLarge
	case len(b) < p.size:
	case b[p.size-1] != '\n':
		p.err = multiselect.ErrMalformed
	default:
		p.whole = true
		p.text = b[p.size-body : p.size-1]
	}
	return p
}

// frame writes a message by the book.
func frame(text string) string {
	n := len(text) + 1
	var length string
	for ; n >= 128; n /= 128 {
		length += string([]byte{byte(n%128) + 128})
	}
	return length + string([]byte{byte(n)}) + text + "\n"
}

// progress is where a side stands, given what its peer has said so far.
type progress struct {
	said     string // all that this side has had reason to say
	pos      int    // where the message begins that is not complete yet
	selected string
	err      error // what ended it
	lastNA   bool  // the responder's last word was "na"
}

func (p *progress) over() bool { return p.err != nil || p.selected != "" }

// failed is p with an end; what is no message is no surprise after "na".
func (p progress) failed(err error) progress {
	framing := errors.Is(err, multiselect.ErrMalformed) || errors.Is(err, multiselect.ErrTooLarge) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
	if p.lastNA && framing {
		err = multiselect.ErrGaveUp
	}
	p.err = err
	return p
}

// atEnd is what p comes to when the peer says no more.
func (p progress) atEnd(heard string) progress {
	switch {
	case p.over():
		return p
	case heard == "":
		return p.failed(io.EOF)
	}
	return p.failed(io.ErrUnexpectedEOF)
}

// headerHeard reports whether the header is there, or cannot be any more.
func headerHeard(heard string) (bool, error) {
	n := min(len(heard), len(modelHeader))
	if heard[:n] != modelHeader[:n] {
		return false, multiselect.ErrNotMultistream
	}
	return n == len(modelHeader), nil
}

// responderModel is a responder's configuration.
type responderModel struct {
	names    []string // sorted
	limits   multiselect.Limits
	noList   bool
	matchers bool
	shortest int // message that could be selected
}

var (
	majorOne  = regexp.MustCompile(`^/maj/1(\.(0|[1-9][0-9]*)){0,2}$`)
	reserved  = []string{"", wire.NA, wire.LS, wire.Header}
	threeLong = func(name string) bool { return len(name) == 3 }
)

func (r *responderModel) serves(name string) bool {
	if slices.Contains(r.names, name) {
		return true
	}
	if !r.matchers || slices.Contains(reserved, name) || strings.Contains(name, "\n") {
		return false
	}
	return majorOne.MatchString(name) || strings.HasPrefix(name, "/pre/") || threeLong(name)
}

// list is the answer to "ls".
func (r *responderModel) list() string {
	names := slices.Clone(r.names)
	if r.matchers {
		names = append(names, "/maj/1.0.0")
		slices.Sort(names)
	}
	var text string
	for _, name := range names {
		text += frame(name)
	}
	if len(names) > r.limits.MaxListNames || len(text)+1 > r.limits.MaxListBytes {
		return frame(wire.NA)
	}
	return frame(text)
}

// respond goes through what the peer said. All limits have to be explicit.
func (r *responderModel) respond(heard string) (p progress) {
	ok, err := headerHeard(heard)
	switch {
	case err != nil:
		return p.failed(err)
	case !ok:
		return p
	}
	p.pos = len(modelHeader)
	p.said = modelHeader
	proposals, lists, bytes := 0, 0, 0
	for {
		m := parse(heard[p.pos:], r.limits.MaxMessage)
		switch {
		case m.err != nil:
			return p.failed(m.err)
		case !m.whole:
			return p
		}
		p.pos += m.size
		bytes += m.size
		isList := m.text == wire.LS && !r.noList && lists < r.limits.MaxLists
		if isList {
			lists++
		} else {
			proposals++
		}
		switch {
		case bytes > r.limits.MaxBytes || proposals > r.limits.MaxProposals:
			return p.failed(multiselect.ErrLimit)
		case isList:
			list := r.list()
			p.said += list
			p.lastNA = list == frame(wire.NA)
		case r.serves(m.text):
			p.said += frame(m.text)
			p.selected = m.text
			return p
		default:
			p.said += frame(wire.NA)
			p.lastNA = true
		}
	}
}

// initiatorModel is what an initiator asks: a name or "ls" at a time, the next
// one when the last was answered. It learns chunk by chunk, because an answer
// that is there before its question was asked is an error.
type initiatorModel struct {
	progress
	questions []string
	together  int // how many questions go out in the first flight
	alone     bool
	limits    multiselect.Limits

	heard          string
	header         bool
	asked, settled int // questions
	sent, received int // bytes
	list           wire.List
}

// begin says what does not depend on the peer.
func (i *initiatorModel) begin() {
	i.said = modelHeader
	for !i.alone && i.asked < max(1, i.together) && !i.over() {
		i.ask()
	}
}

func (i *initiatorModel) ask() {
	question := frame(i.questions[i.asked])
	i.asked++
	i.sent += len(question)
	if i.sent > i.limits.MaxBytes {
		i.err = multiselect.ErrLimit
		if i.asked <= max(1, i.together) && !i.alone {
			i.said = "" // with the header that was to go out with it
		}
		return
	}
	i.said += question
}

// hear is told what one Read returned.
func (i *initiatorModel) hear(chunk string) {
	i.heard += chunk
	if i.over() {
		return
	}
	if !i.header {
		ok, err := headerHeard(i.heard)
		if i.err = err; !ok {
			return
		}
		i.header = true
		i.pos = len(modelHeader)
		if i.alone {
			i.next()
		}
	}
	for !i.over() && i.settled < len(i.questions) {
		isList := i.questions[i.settled] == wire.LS
		limit := i.limits.MaxMessage
		if isList {
			limit = i.limits.MaxListBytes
		}
		m := parse(i.heard[i.pos:], limit)
		if i.err = m.err; !m.whole {
			return
		}
		i.pos += m.size
		i.settle(m, isList)
	}
}

// settle takes the answer to the oldest question.
func (i *initiatorModel) settle(m parsed, isList bool) {
	question := i.questions[i.settled]
	if !isList {
		i.received += m.size
	}
	switch {
	case i.received > i.limits.MaxBytes:
		i.err = multiselect.ErrLimit
		return
	case m.text == wire.NA:
	case isList:
		list, err := wire.ParseList([]byte(m.text), i.limits.MaxListNames)
		switch {
		case errors.Is(err, wire.ErrTooLarge): // more names than wanted
			i.err = wire.ErrTooLarge
			return
		case err != nil || m.text == wire.Header || m.text == wire.LS:
			i.err = multiselect.ErrUnexpectedAnswer
			return
		}
		i.list = list
	case m.text == question:
		i.selected = question
		return
	default:
		i.err = multiselect.ErrUnexpectedAnswer
		return
	}
	i.settled++
	i.next()
}

// next asks the next question if the last one is answered.
func (i *initiatorModel) next() {
	switch {
	case i.settled < i.asked:
	case i.asked == len(i.questions):
		i.err = multiselect.ErrNotSupported
	case i.pos < len(i.heard):
		i.err = multiselect.ErrUnexpectedAnswer
	default:
		i.ask()
	}
}
