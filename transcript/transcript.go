// Package transcript is a notation for conversations of multistream-select. README files, golden
// tests, the tool mss and the reports of package conform use it:
//
//	# refused, then accepted
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
// Each line is one message, without its length and newline:
//
//	> TEXT        a message that the initiator sent
//	< TEXT        a message that the responder sent
//	<             an answer to "ls"; its names follow, each on an indented line
//	>! "BYTES"    bytes that are not a message, as a quoted Go string
//	# TEXT        a comment, on its own line or, after a space, at the end of a line
//	              that is not indented
//
// An empty line marks the start of another write by the same side; when the arrow changes, another
// write begins anyway. A text that could be misread, such as one with blanks at its ends, is
// written as a quoted Go string.
//
// # Use
//
// [Parse] reads the notation, and [Transcript.String] writes it: formatting a parsed transcript
// gives the same lines, in the canonical quoting and spacing. [Transcribe] converts the bytes that
// one side has sent into lines, and [Line.AppendBytes] converts a line back into bytes.
//
// [NewTrace] writes the conversation of a running negotiation:
//
//	ctx = multiselect.WithTrace(ctx, transcript.NewTrace(os.Stderr))
//	protocol, err := client.SelectOneOf(ctx, conn, "/echo/1.0.0")
package transcript

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/wire"
)

// Transcript is a conversation, line by line. The package documentation describes its notation.
type Transcript []Line

// Line is one line of a [Transcript], with the names below it if it is a list.
type Line struct {
	From    multiselect.Role // the sender; the zero Role for a comment
	Kind    Kind
	Text    string   // the text of a message, or the bytes of a KindRaw line
	Names   []string // the names of a KindList line
	Comment string   // the text after "# ", if any
	Break   bool     // an empty line precedes: another write begins
}

// Kind is the kind of a [Line].
type Kind uint8

const (
	KindComment Kind = iota // only a comment
	KindMessage             // a message
	KindList                // an answer to "ls" in the form of the specification
	KindRaw                 // bytes that are not a message
)

const indent = "    "

// Transcribe returns the lines for bytes that one side has sent in one write: a line
// for each message and, if bytes remain that are not a message, one KindRaw line with
// these. The limit is that of [wire.ConsumeMessage]. The result does not alias sent.
func Transcribe(from multiselect.Role, sent []byte, limit int) Transcript {
	var t Transcript
	for len(sent) > 0 {
		text, n, err := wire.ConsumeMessage(sent, limit)
		if err != nil || n == 0 {
			return append(t, Line{From: from, Kind: KindRaw, Text: string(sent)})
		}
		sent = sent[n:]
		line := Line{From: from, Kind: KindMessage, Text: string(text)}
		if list, err := wire.ParseList(text, len(text)); err == nil && list.Dialect == wire.DialectNested && len(list.Names) > 0 {
			line = Line{From: from, Kind: KindList, Names: list.Names}
		}
		t = append(t, line)
	}
	return t
}

// AppendBytes appends the bytes of the line, as its sender wrote them, to b and returns
// the extended slice. A comment has none.
func (l Line) AppendBytes(b []byte) []byte {
	switch l.Kind {
	case KindMessage:
		return wire.AppendMessage(b, l.Text)
	case KindList:
		return wire.AppendList(b, l.Names)
	case KindRaw:
		return append(b, l.Text...)
	default:
		return b
	}
}

// AppendText appends the transcript in its notation to b. It implements
// [encoding.TextAppender]; its error is always nil.
func (t Transcript) AppendText(b []byte) ([]byte, error) {
	for _, l := range t {
		b = l.append(b)
	}
	return b, nil
}

// MarshalText implements [encoding.TextMarshaler]. Its error is always nil.
func (t Transcript) MarshalText() ([]byte, error) { return t.AppendText(nil) }

// String returns the transcript in its notation.
func (t Transcript) String() string {
	b, _ := t.AppendText(nil)
	return string(b)
}

func (l Line) append(b []byte) []byte {
	if l.Break {
		b = append(b, '\n')
	}
	arrow := byte('>')
	if l.From == multiselect.Responder {
		arrow = '<'
	}
	switch l.Kind {
	case KindMessage:
		b = append(b, arrow, ' ')
		b = appendName(b, l.Text)
	case KindRaw:
		b = append(b, arrow, '!', ' ')
		b = strconv.AppendQuote(b, l.Text)
	case KindList:
		b = append(b, arrow)
	}
	if l.Comment != "" || l.Kind == KindComment {
		if l.Kind != KindComment {
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

// printable replaces control characters, so that a comment stays on its line.
func printable(r rune) rune {
	if unicode.IsControl(r) {
		return ' '
	}
	return r
}

// appendName appends a name, quoted if Parse would not read it back otherwise.
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

// ErrSyntax is wrapped by the errors of [Parse].
var ErrSyntax = errors.New("not a transcript")

// Parse reads a transcript in its notation. Formatting the result gives the same lines, in the
// canonical quoting and spacing. The error wraps [ErrSyntax] and has the number of the line.
func Parse(text []byte) (Transcript, error) {
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
		case l.Kind == kindName && (blank || len(t) == 0 || t[len(t)-1].Kind != KindList):
			err = errors.New("a name without an arrow above it")
		case l.Kind == kindName:
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

// kindName is an indented name, which Parse appends to the line above.
const kindName Kind = KindRaw + 1

func parseLine(s string) (l Line, err error) {
	if name, ok := strings.CutPrefix(s, indent); ok {
		l.Kind = kindName
		l.Text, s, err = parseName(name)
		if err == nil && s != "" {
			err = fmt.Errorf("unexpected %q", s)
		}
		return l, err
	}
	switch s[0] {
	case '>':
		l.From = multiselect.Initiator
	case '<':
		l.From = multiselect.Responder
	case '#':
		l.Comment, err = parseComment(s)
		return l, err
	default:
		return l, errors.New("begins with none of > < # and is not indented")
	}
	s = s[1:]
	switch {
	case s == "" || strings.HasPrefix(s, " #"):
		l.Kind = KindList
	case strings.HasPrefix(s, "! \""):
		l.Kind = KindRaw
		l.Text, s, err = parseQuoted(s[2:])
	case s[0] == ' ':
		l.Kind = KindMessage
		l.Text, s, err = parseName(s[1:])
	default:
		err = errors.New("no space after the arrow")
	}
	if err == nil && s != "" {
		if s[0] != ' ' {
			return l, fmt.Errorf("unexpected %q", s)
		}
		l.Comment, err = parseComment(s[1:])
	}
	return l, err
}

// parseName reads a bare or quoted name and returns the rest of the line.
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
