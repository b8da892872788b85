package conform_test

import (
	"bufio"
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/multiselect/multiselect/wire"
)

// This file holds a responder that is right, written for being made wrong: what
// it does is a field, and a mutant changes one. It shares no code with the
// library.

var errBroken = errors.New("no message")

// reading is how a model reads messages.
type reading struct {
	limit     int  // of a message
	prefix    int  // most bytes of a length
	padded    bool // padded lengths are accepted
	zero      bool // a length of zero is an empty message
	newline   bool // the newline may be something else, or be missing
	uncounted bool // a newline that is not counted is taken, too
	endless   bool // a length is read without a limit
	lines     bool // a line that begins with a slash is a message
	atEnd     bool // what the stream ends in is a message
	clean     func(text string) string
}

// sloppy reports whether it reads anything but what is right. Whoever does cannot
// compare the header as it arrives.
func (d *reading) sloppy() bool {
	return d.prefix != 2 || d.padded || d.zero || d.newline || d.uncounted || d.endless || d.lines || d.atEnd || d.clean != nil
}

// header reports whether the header is there, byte by byte, and takes nothing.
func header(r *bufio.Reader) error {
	for n := 1; n <= len(wire.HeaderFrame); n++ {
		got, err := r.Peek(n)
		if err != nil {
			return err
		}
		if string(got) != wire.HeaderFrame[:n] {
			return errBroken
		}
	}
	return nil
}

func rightReading() reading { return reading{limit: 1024, prefix: 2} }

// message reads one message.
func (d *reading) message(r *bufio.Reader) (string, error) {
	if d.lines {
		if first, _ := r.Peek(1); string(first) == "/" {
			text, err := r.ReadString('\n')
			return strings.TrimSuffix(text, "\n"), err
		}
	}
	n, err := d.length(r)
	if err != nil {
		return "", err
	}
	if n > d.limit {
		return "", errBroken
	}
	if n == 0 {
		return "", nil
	}
	b, err := io.ReadAll(io.LimitReader(r, int64(n)))
	if err == nil && len(b) < n {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		if d.atEnd && len(b) > 0 {
			return string(b), nil
		}
		return "", err
	}
	text := string(b[:n-1])
	if b[n-1] != '\n' {
		next, _ := r.Peek(r.Buffered())
		switch {
		case d.uncounted && len(next) > 0 && next[0] == '\n':
			r.Discard(1)
		case !d.newline:
			return "", errBroken
		}
		text = string(b)
	}
	if d.clean != nil {
		text = d.clean(text)
	}
	return text, nil
}

func (d *reading) length(r *bufio.Reader) (n int, err error) {
	for i := 0; ; i++ {
		c, err := r.ReadByte()
		if err != nil {
			return 0, err
		}
		if i < 9 {
			n |= int(c&0x7f) << (7 * i)
		}
		switch {
		case c >= 0x80 && i+1 >= d.prefix && !d.endless:
			return 0, errBroken
		case c >= 0x80:
			continue
		case c == 0 && i > 0 && !d.padded, n == 0 && i == 0 && !d.zero, n < 0:
			return 0, errBroken
		}
		return n, nil
	}
}

// answerer returns the answer of a responder to a text: bytes, whether that is the
// agreement, and whether it ends the stream.
type answerer func(text string) (answer string, agreed, ends bool)

// responderModel is a responder.
type responderModel struct {
	reading
	eager    bool                   // the header is sent before anything is read
	hold     bool                   // the header waits for the first answer
	apart    bool                   // each message is a write
	patient  bool                   // it waits for a whole message to compare it with the header
	optional bool                   // a first message that is no header is a proposal
	version  func(text string) bool // whether it is the header
	greeting string                 // sent as the header
	farewell string                 // sent to strangers
	answer   answerer
	payload  func(r *bufio.Reader) io.Reader // what the protocol reads
	leave    func(stream *memory)            // how it ends a stream
	timeout  time.Duration
	most     int  // proposals
	deaf     bool // it does not notice the end
}

func message(text string) string { return string(wire.AppendMessage(nil, text)) }

const na = "\x03na\n"

func rightAnswer(text string) (string, bool, bool) {
	switch {
	case text == "ls":
		return string(wire.AppendList(nil, served)), false, false
	case slices.Contains(served, text):
		return message(text), true, false
	}
	return na, false, false
}

func rightResponder() *responderModel {
	return &responderModel{
		reading:  rightReading(),
		version:  func(text string) bool { return text == wire.Header },
		greeting: wire.HeaderFrame,
		answer:   rightAnswer,
		payload:  func(r *bufio.Reader) io.Reader { return r },
		leave:    func(stream *memory) { stream.Close() },
		timeout:  patience,
	}
}

// patience is the time limit of the models.
const patience = 10 * time.Second

// serve serves one stream.
func (m *responderModel) serve(stream *memory) {
	timer := time.AfterFunc(m.timeout, func() { m.leave(stream) })
	defer timer.Stop()
	r := bufio.NewReader(stream)
	if !m.negotiate(stream, r) {
		if m.deaf {
			time.Sleep(time.Hour)
		}
		m.leave(stream)
		return
	}
	timer.Stop()
	io.Copy(stream, m.payload(r))
	stream.Close()
}

// negotiate reports whether a protocol was agreed on.
func (m *responderModel) negotiate(stream io.Writer, r *bufio.Reader) bool {
	var out []byte
	flush := func() { stream.Write(out); out = nil }
	if m.eager {
		out = append(out, m.greeting...)
		flush()
	}
	first := true
	for count := 0; m.most == 0 || count < m.most; count++ {
		if r.Buffered() == 0 && len(out) > 0 && !(m.hold && string(out) == m.greeting) {
			flush()
		}
		var err error
		if first && !m.patient && !m.optional && !m.sloppy() {
			err = header(r)
		}
		var text string
		if err == nil {
			text, err = m.message(r)
		}
		if err != nil {
			if first && err == errBroken {
				out = append(out, m.farewell...)
			}
			flush()
			return false
		}
		if first {
			first = false
			isHeader := m.version(text)
			if !isHeader && !m.optional {
				out = append(out, m.farewell...)
				flush()
				return false
			}
			if !m.eager {
				out = append(out, m.greeting...)
				if m.apart {
					flush()
				}
			}
			if isHeader {
				continue
			}
		}
		answer, agreed, ends := m.answer(text)
		out = append(out, answer...)
		if agreed || ends {
			flush()
			return agreed
		}
	}
	return false
}
