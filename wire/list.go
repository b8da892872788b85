package wire

import (
	"bytes"
	"errors"
	"fmt"
)

// Dialect is the form of an answer to "ls".
type Dialect uint8

const (
	// DialectNested is the form of the specification: one message that contains the
	// names as messages (R20). rust, js, litep2p, c and this project send it.
	DialectNested Dialect = iota
	// DialectJoined is one message of names separated by newlines. py and nim send it.
	DialectJoined
	// DialectCounted is the nested form with a count before it and without the last
	// newline. go before 2019 and erlang send it.
	DialectCounted
)

// String returns "nested", "joined" or "counted".
func (d Dialect) String() string {
	return [...]string{"nested", "joined", "counted"}[min(d, DialectCounted)]
}

// List is a decoded answer to "ls".
type List struct {
	Names   []string
	Dialect Dialect // the form in which the peer sent it
}

// ErrNotList is returned for a message that is not a list in any dialect.
var ErrNotList = errors.New("not a list of protocols")

// AppendList appends the answer to "ls" to b and returns the extended slice: one
// message whose text is the messages of all names (R20). It does not check the names.
func AppendList(b []byte, names []string) []byte {
	b = appendUvarint(b, ListSize(names))
	for _, name := range names {
		b = AppendMessage(b, name)
	}
	return append(b, '\n')
}

// ListSize returns the size in bytes of the text and the newline that [AppendList]
// appends, without the length.
func ListSize(names []string) int {
	size := 1
	for _, name := range names {
		size += MessageSize(len(name))
	}
	return size
}

// ParseList decodes the text of an answer to "ls" in any dialect. A list of more than
// limit names is an error that wraps [ErrTooLarge], and allocates no names. A text
// that is not a list is [ErrNotList].
//
// A text can be valid in two dialects: joined names of 47 bytes each are also nested
// names, because the slash at the start of each is the length 47. ParseList prefers
// the dialect in which the names begin with a slash (R22).
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

// names visits the names of a list in one dialect, and reports whether the text is a
// list in that dialect.
type names func(text []byte, visit func(name []byte)) (ok bool)

// surveyed is the result of reading a text in one dialect.
type surveyed struct {
	names names
	text  []byte
	ok    bool
	count int
	slash bool // a name begins with one
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

// joinedNames accepts one newline at the end, which py sends and nim does not. A
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
