package wire

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Transcript is a conversation, line by line, in the notation that this
// project uses in its README, its golden tests, its traces, its tool and its
// reports:
//
//	# R15: refused, then accepted
//	> /multistream/1.0.0
//	> /echo/2.0.0
//	< /multistream/1.0.0
//	< na
//	> ls
//	<
//	    /echo/1.0.0
//	    /time/1.0.0
//	> /echo/1.0.0
//
//	>! "hello"
//	< /echo/1.0.0
//
// ">" is what the initiator sent, "<" what the responder sent, one message a
// line. An arrow alone is an answer to "ls", its names indented below it.
// After ">!" or "<!" stands a quoted Go string of bytes that are no message.
// "#" begins a comment, on a line of its own or, after a space, behind
// anything but an indented name. A blank line says that a new write begins; two lines with
// different arrows never come from one write, so nothing needs to say so.
//
// A text that would be misread is written as a quoted Go string.
type Transcript []Line

// Line is one line of a [Transcript], with the names below it if it is a list.
type Line struct {
	From    Role
	Kind    Kind
	Text    string   // the text of a Message, the bytes of Raw
	Names   []string // the names of a Names line
	Comment string   // what stands behind "# "
	Break   bool     // a blank line stands before: a new write begins
}

// Role is one of the two ends of a conversation.
type Role uint8

// The two roles. The zero value stands on lines that nobody sent.
const (
	Initiator Role = iota + 1 // proposes
	Responder                 // answers
)

// Peer returns the other role.
func (r Role) Peer() Role { return Initiator + Responder - r }

func (r Role) String() string {
	switch r {
	case Initiator:
		return "initiator"
	case Responder:
		return "responder"
	}
	return "nobody"
}

// Kind says what a [Line] holds.
type Kind uint8

const (
	Comment Kind = iota // nothing but a comment
	Message             // a message
	Names               // an answer to "ls" in the form of the specification
	Raw                 // bytes that are no message
)

const indent = "    "

// Transcribe writes down what one side sent in one write: a line for each
// message and, for bytes that are none, one Raw line with all that is left.
// The limit is that of [Consume].
func Transcribe(from Role, sent []byte, limit int) Transcript {
	var t Transcript
	for len(sent) > 0 {
		text, n, err := Consume(sent, limit)
		if err != nil || n == 0 {
			return append(t, Line{From: from, Kind: Raw, Text: string(sent)})
		}
		sent = sent[n:]
		if list := survey(nestedNames, text); list.ok && list.count > 0 {
			l, _ := list.list(DialectNested, list.count)
			t = append(t, Line{From: from, Kind: Names, Names: l.Names})
		} else {
			t = append(t, Line{From: from, Kind: Message, Text: string(text)})
		}
	}
	return t
}

// AppendBytes appends what the line's sender put on the wire.
func (l Line) AppendBytes(b []byte) []byte {
	switch l.Kind {
	case Message:
		return AppendMessage(b, l.Text)
	case Names:
		return AppendList(b, l.Names)
	case Raw:
		return append(b, l.Text...)
	default:
		return b
	}
}

// AppendText appends the transcript in its notation.
func (t Transcript) AppendText(b []byte) ([]byte, error) {
	for _, l := range t {
		b = l.append(b)
	}
	return b, nil
}

// MarshalText implements [encoding.TextMarshaler].
func (t Transcript) MarshalText() ([]byte, error) { return t.AppendText(nil) }

func (t Transcript) String() string {
	b, _ := t.AppendText(nil)
	return string(b)
}

func (l Line) append(b []byte) []byte {
	if l.Break {
		b = append(b, '\n')
	}
	arrow := byte('>')
	if l.From == Responder {
		arrow = '<'
	}
	switch l.Kind {
	case Message:
		b = append(b, arrow, ' ')
		b = appendName(b, l.Text)
	case Raw:
		b = append(b, arrow, '!', ' ')
		b = strconv.AppendQuote(b, l.Text)
	case Names:
		b = append(b, arrow)
	}
	if l.Comment != "" || l.Kind == Comment {
		if l.Kind != Comment {
			b = append(b, ' ')
		}
		b = append(b, '#')
		if l.Comment != "" {
			b = append(b, ' ')
			b = append(b, strings.Map(printable, l.Comment)...)
		}
	}
	b = append(b, '\n')
	for _, name := range l.Names {
		b = append(b, indent...)
		b = appendName(b, name)
		b = append(b, '\n')
	}
	return b
}

// printable keeps a comment on its line.
func printable(r rune) rune {
	if unicode.IsControl(r) {
		return ' '
	}
	return r
}

// appendName writes a name bare where ParseTranscript will read it back.
func appendName(b []byte, name string) []byte {
	if isPlain(name) {
		return append(b, name...)
	}
	return strconv.AppendQuote(b, name)
}

func isPlain(name string) bool {
	if name == "" || name[0] == ' ' || name[0] == '"' || name[0] == '#' ||
		name[len(name)-1] == ' ' || strings.Contains(name, " #") {
		return false
	}
	// A byte that is not UTF-8 arrives here as RuneError.
	return !strings.ContainsFunc(name, func(r rune) bool { return r == utf8.RuneError || !unicode.IsPrint(r) })
}

// ErrSyntax is wrapped by every error of [ParseTranscript].
var ErrSyntax = errors.New("not a transcript")

// ParseTranscript reads the notation back. Formatting what it returns gives
// the same lines again, quoted and spaced in the one canonical way.
func ParseTranscript(text []byte) (Transcript, error) {
	var t Transcript
	blank := false
	number := 0
	for line := range bytes.Lines(text) {
		number++
		s := strings.TrimSuffix(strings.TrimSuffix(string(line), "\n"), "\r")
		if s == "" {
			blank = len(t) > 0
			continue
		}
		l, err := parseLine(s)
		switch {
		case err != nil:
		case l.Kind == listed && (blank || len(t) == 0 || t[len(t)-1].Kind != Names):
			err = errors.New("a name without an arrow above it")
		case l.Kind == listed:
			last := &t[len(t)-1]
			last.Names = append(last.Names, l.Text)
		default:
			l.Break = blank
			t, blank = append(t, l), false
		}
		if err != nil {
			return nil, fmt.Errorf("%w: line %d: %w", ErrSyntax, number, err)
		}
	}
	return t, nil
}

// listed is an indented name, which ParseTranscript moves to the line above.
const listed Kind = Raw + 1

func parseLine(s string) (l Line, err error) {
	if name, ok := strings.CutPrefix(s, indent); ok {
		l.Kind = listed
		l.Text, s, err = parseName(name)
		if err == nil && s != "" {
			err = fmt.Errorf("unexpected %q", s)
		}
		return l, err
	}
	switch s[0] {
	case '>':
		l.From = Initiator
	case '<':
		l.From = Responder
	case '#':
		l.Comment, err = parseComment(s)
		return l, err
	default:
		return l, errors.New("begins with none of > < # and is not indented")
	}
	s = s[1:]
	switch {
	case s == "" || strings.HasPrefix(s, " #"):
		l.Kind = Names
	case strings.HasPrefix(s, "! \""):
		l.Kind = Raw
		l.Text, s, err = parseQuoted(s[2:])
	case s[0] == ' ':
		l.Kind = Message
		l.Text, s, err = parseName(s[1:])
	default:
		err = errors.New("no space behind the arrow")
	}
	if err == nil && s != "" {
		if s[0] != ' ' {
			return l, fmt.Errorf("unexpected %q", s)
		}
		l.Comment, err = parseComment(s[1:])
	}
	return l, err
}

// parseName reads a bare or quoted name and returns what stands behind it.
func parseName(s string) (name, rest string, err error) {
	if strings.HasPrefix(s, `"`) {
		return parseQuoted(s)
	}
	name = s
	if i := strings.Index(s, " #"); i >= 0 {
		name, rest = s[:i], s[i:]
	}
	if !isPlain(name) {
		return "", "", fmt.Errorf("%q has to be quoted", name)
	}
	return name, rest, nil
}

func parseQuoted(s string) (text, rest string, err error) {
	quoted, err := strconv.QuotedPrefix(s)
	if err != nil || !utf8.ValidString(quoted) { // Unquote would make it U+FFFD
		return "", "", errors.New("not a quoted Go string")
	}
	text, err = strconv.Unquote(quoted)
	return text, s[len(quoted):], err
}

func parseComment(s string) (string, error) {
	text, ok := strings.CutPrefix(s, "#")
	switch {
	case !ok:
		return "", fmt.Errorf("unexpected %q", s)
	case strings.ContainsFunc(text, unicode.IsControl):
		return "", errors.New("a control character in a comment")
	case !utf8.ValidString(text):
		return "", errors.New("a comment that is not UTF-8")
	}
	return strings.TrimSpace(text), nil
}
