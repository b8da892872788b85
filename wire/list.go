package wire

import (
	"bytes"
	"errors"
	"fmt"
)

// Dialect is a form of the answer to "ls" that some implementation sends.
type Dialect uint8

const (
	// DialectNested is the form of the specification: the names as messages, one after the
	// other, inside one message. Sent by rust, js, litep2p, c and this module.
	DialectNested Dialect = iota
	// DialectJoined is one message of names with newlines between them. Sent by py and nim.
	DialectJoined
	// DialectCounted is the nested form after the number of names, without the last newline.
	// Sent by erlang, and by go before 2019.
	DialectCounted
)

// String returns "nested", "joined" or "counted".
func (d Dialect) String() string {
	return [...]string{"nested", "joined", "counted"}[min(d, DialectCounted)]
}

// List is the answer to "ls".
type List struct {
	Names   []string
	Dialect Dialect
}

// ErrNotList means that a text is not a list in any dialect.
var ErrNotList = errors.New("not a list of protocols")

// AppendList appends the answer to "ls" in the form of the specification: one message whose
// text is the messages of all names (R20).
func AppendList(b []byte, names []string) []byte {
	b = appendUvarint(b, ListSize(names))
	for _, name := range names {
		b = AppendMessage(b, name)
	}
	return append(b, '\n')
}

// ListSize returns the size in bytes of the message of [AppendList] without its length.
func ListSize(names []string) int {
	size := 1
	for _, name := range names {
		size += MessageSize(len(name))
	}
	return size
}

// ParseList decodes the text of an answer to "ls" in any of the dialects. For more than
// limit names it fails with [ErrTooLarge], without allocating memory for them. For a text that
// is not a list with [ErrNotList].
//
// One text can be valid in two dialects: joined names of 47 bytes each are also nested
// names, because the slash they begin with is the length 47. The dialect in which a name
// begins with a slash takes precedence (R22).
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
	// The newline of the message is also that of the last name in the counted form.
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

// joinedNames accepts one newline at the end: py sends it, nim does not. A newline alone is
// the empty list of py.
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
