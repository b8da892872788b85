package wire

import (
	"bytes"
	"errors"
	"strings"
)

// Dialect tells in which of the forms found in the field a peer answered "ls".
type Dialect uint8

const (
	// DialectNested is the form of the specification: the names as messages,
	// one after the other, inside one message. rust, js, litep2p, c; ours.
	DialectNested Dialect = iota
	// DialectJoined is one message of names with newlines between them. py, nim.
	DialectJoined
	// DialectCounted is the nested form with a count in front and without the
	// last newline. go before 2019, erlang.
	DialectCounted
)

func (d Dialect) String() string {
	switch d {
	case DialectNested:
		return "nested"
	case DialectJoined:
		return "joined"
	default:
		return "counted"
	}
}

// List is the answer to "ls".
type List struct {
	Names   []string
	Dialect Dialect
}

// ErrNotList is returned for a message that is no list in any dialect.
var ErrNotList = errors.New("not a list of protocols")

// AppendList appends the answer to "ls", in the form of the specification: one
// message whose text is the messages of all names (R20).
func AppendList(b []byte, names []string) []byte {
	b = appendUvarint(b, ListSize(names))
	for _, name := range names {
		b = AppendMessage(b, name)
	}
	return append(b, '\n')
}

// ListSize returns how many bytes the text and the newline of [AppendList]'s
// message take, without its length bytes.
func ListSize(names []string) int {
	size := 1
	for _, name := range names {
		size += MessageSize(len(name))
	}
	return size
}

// ParseList reads the text of an answer to "ls" in any of the dialects. At
// most limit names are accepted; more is [ErrTooLarge].
//
// One text can be right in two dialects: joined names of 47 bytes each read as
// nested names, because the slash they begin with is the length 47. The form
// in which the names begin with a slash wins (R22).
func ParseList(text []byte, limit int) (List, error) {
	if string(text) == NA {
		return List{}, ErrNotList
	}
	nested, okNested := parseNested(text)
	joined, okJoined := parseJoined(text)
	switch {
	case okNested && okJoined && !anySlash(nested) && anySlash(joined):
		okNested = false
	case !okNested:
		// The last newline of the counted form is that of its last name.
		withNewline := append(bytes.Clone(text), '\n')
		if counted, ok := parseCounted(withNewline); ok {
			return limited(List{counted, DialectCounted}, limit)
		}
	}
	switch {
	case okNested:
		return limited(List{nested, DialectNested}, limit)
	case okJoined:
		return limited(List{joined, DialectJoined}, limit)
	}
	return List{}, ErrNotList
}

func limited(l List, limit int) (List, error) {
	if len(l.Names) > limit {
		return List{}, ErrTooLarge
	}
	return l, nil
}

func anySlash(names []string) bool {
	for _, name := range names {
		if strings.HasPrefix(name, "/") {
			return true
		}
	}
	return false
}

func parseNested(text []byte) (names []string, ok bool) {
	for len(text) > 0 {
		name, n, err := Consume(text, MaxMessage)
		if err != nil || n == 0 {
			return nil, false
		}
		names = append(names, string(name))
		text = text[n:]
	}
	return names, true
}

func parseCounted(text []byte) (names []string, ok bool) {
	size, count, err := Length(text, MaxMessage)
	if err != nil {
		return nil, false
	}
	names, ok = parseNested(text[size:])
	return names, ok && len(names) == count
}

// parseJoined accepts one newline at the end: py sends it, nim does not. A
// newline alone is py's empty list.
func parseJoined(text []byte) (names []string, ok bool) {
	if string(text) == "\n" {
		return nil, true
	}
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	for _, line := range lines {
		if line == "" || strings.ContainsFunc(line, func(r rune) bool { return r < ' ' }) {
			return nil, false
		}
	}
	return lines, true
}
