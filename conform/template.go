package conform

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/multiselect/multiselect/transcript"
	"github.com/multiselect/multiselect/wire"
)

// names maps placeholders to the names of the party under test.
type names map[string]string

// partNames are the keys of names.
var partNames = []string{"A", "B", "Raw", "Nine", "Long"}

// placeholder is "${A}", a name; "${A:form}", something that is made of a name; or
// "${x*1022}", a repeated string.
var placeholder = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\$\{([^{}]*)\}`) })

// forms are the words that a placeholder can have after the colon.
var forms = map[string]func(name string) string{
	"message": func(name string) string { return string(wire.AppendMessage(nil, name)) },
	// length is the length of the message with the name.
	"length": func(name string) string { return lengthOf(len(name) + 1) },
	// padded is that length with a zero byte more than it needs.
	"padded": func(name string) string {
		b := []byte(lengthOf(len(name) + 1))
		b[len(b)-1] |= 0x80
		return string(append(b, 0))
	},
	// bare is a message without the newline, which the length does not count.
	"bare": func(name string) string { return lengthOf(len(name)) + name },
	// half and rest are the two halves of the message.
	"half":  func(name string) string { return halves(name)[0] },
	"rest":  func(name string) string { return halves(name)[1] },
	"upper": strings.ToUpper,
	// shorter is the name without its last byte.
	"shorter": func(name string) string { return name[:max(len(name)-1, 0)] },
}

func lengthOf(n int) string {
	m := wire.AppendMessage(nil, strings.Repeat("x", n-1))
	return string(m[:len(m)-n])
}

func halves(name string) [2]string {
	m := string(wire.AppendMessage(nil, name))
	return [2]string{m[:len(m)/2], m[len(m)/2:]}
}

// Expand replaces the placeholders of a text by the names of a party and by the forms
// that cases/README.md lists: "${A}", "${A:half}", "${x*100}". A key that is missing in
// names is an error.
func Expand(text string, names map[string]string) (string, error) {
	var failed error
	text = placeholder().ReplaceAllStringFunc(text, func(p string) string {
		s, err := expandOne(p[2:len(p)-1], names)
		if err != nil {
			failed = fmt.Errorf("%s: %w", p, err)
			return p
		}
		return s
	})
	return text, failed
}

func expandOne(inner string, names map[string]string) (string, error) {
	if s, count, ok := strings.Cut(inner, "*"); ok {
		times, err := strconv.Atoi(count)
		if err != nil || times < 0 {
			return "", errors.New("not a number of times")
		}
		return strings.Repeat(s, times), nil
	}
	key, form, isForm := strings.Cut(inner, ":")
	name, ok := names[key]
	switch {
	case !ok:
		return "", errors.New("no such name")
	case !isForm:
		return name, nil
	case forms[form] == nil:
		return "", errors.New("no such form")
	}
	return forms[form](name), nil
}

func (n names) expand(text string) (string, error) { return Expand(text, n) }

// expandLine expands a line of a transcript.
func (n names) expandLine(l transcript.Line) (transcript.Line, error) {
	var err error
	if l.Text, err = n.expand(l.Text); err != nil {
		return l, err
	}
	listed := l.Names
	l.Names = nil
	for _, name := range listed {
		if name, err = n.expand(name); err != nil {
			return l, err
		}
		l.Names = append(l.Names, name)
	}
	return l, nil
}

// placeholders returns the keys of the names that a line needs.
func placeholders(l transcript.Line) (keys []string, err error) {
	if l.Text == "${"+patternAny+"}" || l.Text == "${"+patternList+"}" {
		return nil, nil
	}
	for _, text := range append([]string{l.Text}, l.Names...) {
		if err := checkPlaceholders(text); err != nil {
			return nil, err
		}
		for _, m := range placeholder().FindAllStringSubmatch(text, -1) {
			if key, _, _ := strings.Cut(m[1], ":"); !strings.Contains(m[1], "*") {
				keys = append(keys, key)
			}
		}
	}
	return keys, nil
}

// checkPlaceholders finds placeholders that no party has a name for, such as the columns
// of a table that are misspelt.
func checkPlaceholders(text string) error {
	all := make(map[string]string)
	for _, key := range partNames {
		all[key] = "/any/name"
	}
	_, err := Expand(text, all)
	return err
}
