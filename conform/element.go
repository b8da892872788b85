package conform

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/multiselect/multiselect/transcript"
	"github.com/multiselect/multiselect/wire"
)

// A line of an outcome is a pattern if its text is one of these placeholders: any message;
// or an answer to "ls" in the form of the specification, with all names that the party is
// known to serve.
const (
	patternAny  = "any"
	patternList = "list"
)

// element is a line that is sent, with the number of times.
type element struct {
	line  transcript.Line
	times int
}

// part is an element for a certain party.
type part struct {
	bytes   []byte // to be sent, if pattern is ""
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

// fit is the result of a comparison of the received bytes with the expected parts.
type fit uint8

const (
	differs fit = iota // other bytes were received
	begins             // the received bytes are the beginning of the parts
	full               // all parts were received, and no more
	more               // all parts were received, and more bytes
)

// compare compares the received bytes with the parts, and returns how many of them fit.
func compare(received []byte, parts []part, served []string) (fit, int) {
	at := 0
	for _, p := range parts {
		rest := received[at:]
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
	if at < len(received) {
		return more, at
	}
	return full, at
}

// isList reports whether a text is a list in the form of the specification that has all
// served names.
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

// describe returns the parts in the form of a reason.
func describe(parts []part) string {
	var words []string
	for i := 0; i < len(parts); i++ {
		p := parts[i]
		if p.pattern != "" {
			words = append(words, "<"+p.pattern+">")
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
		words = append(words, word)
	}
	if words == nil {
		return "nothing"
	}
	return strings.Join(words, " ")
}

// maxQuoted is the number of bytes that a reason quotes.
const maxQuoted = 80

// quote returns bytes in the form of a reason.
func quote(b []byte) string {
	switch {
	case len(b) == 0:
		return "nothing"
	case len(b) <= maxQuoted:
		return fmt.Sprintf("%q", b)
	}
	return fmt.Sprintf("%q… (%d bytes)", b[:maxQuoted], len(b))
}
