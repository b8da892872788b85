package conform

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/multiselect/multiselect/transcript"
	"github.com/multiselect/multiselect/wire"
)

// What a line of an outcome may be instead of bytes: the placeholder for any
// message, and for an answer to "ls", in the form of the specification, that has
// all names the party is known to serve.
const (
	patternAny  = "any"
	patternList = "list"
)

// element is something that the party under test is to say: one line, as often
// as times says.
type element struct {
	line  transcript.Line
	times int
}

// part is an element for a certain party.
type part struct {
	bytes   []byte // what is to be said, if pattern is ""
	pattern string
}

func (n names) parts(elements []element) (parts []part, err error) {
	for _, e := range elements {
		p := part{}
		switch e.line.Text {
		case "${" + patternAny + "}":
			p.pattern = patternAny
		case "${" + patternList + "}":
			p.pattern = patternList
		default:
			line, err := n.expandLine(e.line)
			if err != nil {
				return nil, err
			}
			p.bytes = line.AppendBytes(nil)
		}
		for range e.times {
			parts = append(parts, p)
		}
	}
	return parts, nil
}

// fit is how what was said fits what is to be said.
type fit uint8

const (
	differs fit = iota // something else was said
	begins             // as far as it goes, it is the same
	full               // all has been said
	more               // and more than that
)

// compare returns how what was said fits the parts, and how many bytes of it do.
func compare(said []byte, parts []part, served []string) (fit, int) {
	at := 0
	for _, p := range parts {
		rest := said[at:]
		var n int
		switch p.pattern {
		case "":
			n = len(p.bytes)
			if common := min(n, len(rest)); !bytes.Equal(rest[:common], p.bytes[:common]) {
				return differs, at
			}
		default:
			text, size, err := wire.ConsumeMessage(rest, wire.MaxList)
			if err != nil || size > 0 && p.pattern == patternList && !isList(text, served) {
				return differs, at
			}
			if n = size; n == 0 {
				return begins, at
			}
		}
		if len(rest) < n {
			return begins, at
		}
		at += n
	}
	if at < len(said) {
		return more, at
	}
	return full, at
}

// isList reports whether a text is a list in the form of the specification, and
// whether all that is served is in it.
func isList(text []byte, served []string) bool {
	list, err := wire.ParseList(text, wire.MaxList)
	if err != nil || list.Dialect != wire.DialectNested {
		return false
	}
	for _, name := range served {
		if !slices.Contains(list.Names, name) {
			return false
		}
	}
	return true
}

// describe writes the parts down for a reason.
func describe(parts []part) string {
	var said []string
	for i := 0; i < len(parts); i++ {
		p := parts[i]
		if p.pattern != "" {
			said = append(said, "<"+p.pattern+">")
			continue
		}
		count := 1
		for i+1 < len(parts) && parts[i+1].pattern == "" && bytes.Equal(p.bytes, parts[i+1].bytes) {
			i++
			count++
		}
		word := quote(p.bytes)
		if count > 1 {
			word = fmt.Sprintf("%d × %s", count, word)
		}
		said = append(said, word)
	}
	if said == nil {
		return "nothing"
	}
	return strings.Join(said, " ")
}

// mostQuoted is how many bytes a reason quotes.
const mostQuoted = 80

// quote writes bytes down for a reason.
func quote(b []byte) string {
	switch {
	case len(b) == 0:
		return "nothing"
	case len(b) <= mostQuoted:
		return fmt.Sprintf("%q", b)
	}
	return fmt.Sprintf("%q… (%d bytes)", b[:mostQuoted], len(b))
}
