package wire

import (
	"bytes"
	"errors"
	"fmt"
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
	return [...]string{"nested", "joined", "counted"}[min(d, DialectCounted)]
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
// most limit names are accepted; more is [ErrTooLarge], and costs nothing.
//
// One text can be right in two dialects: joined names of 47 bytes each read as
// nested names, because the slash they begin with is the length 47. The form
// in which the names begin with a slash wins (R22).
func ParseList(text []byte, limit int) (List, error) {
	if string(text) == NA {
		return List{}, ErrNotList
	}
	nested, joined := survey(nestedNames, text), survey(joinedNames, text)
	switch {
	case nested.ok && (nested.slash || !joined.ok || !joined.slash):
		return nested.list(DialectNested, limit)
	case nested.ok:
		return joined.list(DialectJoined, limit)
	}
	// The last newline of the counted form is that of its last name.
	if counted := survey(countedNames, append(bytes.Clone(text), '\n')); counted.ok {
		return counted.list(DialectCounted, limit)
	}
	if joined.ok {
		return joined.list(DialectJoined, limit)
	}
	return List{}, ErrNotList
}

// names calls visit for each name of a list in one of the dialects, and reports whether
// the text is such a list.
type names func(text []byte, visit func(name []byte)) (ok bool)

// surveyed is a text that was read in one of the dialects.
type surveyed struct {
	names names
	text  []byte
	ok    bool // it is a list
	count int  // of names
	slash bool // a name begins with a slash
}

func survey(n names, text []byte) surveyed {
	s := surveyed{names: n, text: text}
	s.ok = n(text, func(name []byte) {
		s.count++
		s.slash = s.slash || bytes.HasPrefix(name, []byte("/"))
	})
	return s
}

func (s surveyed) list(d Dialect, limit int) (List, error) {
	if s.count > limit {
		return List{}, fmt.Errorf("%w: %d names, %d allowed", ErrTooLarge, s.count, limit)
	}
	l := List{Dialect: d}
	s.names(s.text, func(name []byte) { l.Names = append(l.Names, string(name)) })
	return l, nil
}

func nestedNames(text []byte, visit func(name []byte)) bool {
	for len(text) > 0 {
		name, n, err := ConsumeMessage(text, MaxMessage)
		if err != nil || n == 0 {
			return false
		}
		visit(name)
		text = text[n:]
	}
	return true
}

func countedNames(text []byte, visit func(name []byte)) bool {
	size, count, err := Length(text, MaxMessage)
	if err != nil {
		return false
	}
	ok := nestedNames(text[size:], func(name []byte) {
		count--
		visit(name)
	})
	return ok && count == 0
}

// joinedNames accepts one newline at the end: py sends it, nim does not. A
// newline alone is py's empty list.
func joinedNames(text []byte, visit func(name []byte)) bool {
	if string(text) == "\n" {
		return true
	}
	for line := range bytes.SplitSeq(bytes.TrimSuffix(text, []byte("\n")), []byte("\n")) {
		if len(line) == 0 || bytes.ContainsFunc(line, func(r rune) bool { return r < ' ' }) {
			return false
		}
		visit(line)
	}
	return true
}
