package conform

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/multiselect/multiselect/transcript"
	"github.com/multiselect/multiselect/wire"
)

// names maps placeholders to the names of the party under test.
type names map[string]string

// placeholder is "${A}", a name, or "${A:form}", what a message with it is made
// of; or "${x*1022}", a string that is repeated.
var placeholder = regexp.MustCompile(`\$\{([^{}]*)\}`)

// forms are what a placeholder can stand for beside the name itself.
var forms = map[string]func(name string) string{
	"message": func(name string) string { return string(wire.AppendMessage(nil, name)) },
	// length is the length of the message with the name.
	"length": func(name string) string { return lengthOf(len(name) + 1) },
	// padded is the same with a zero byte more than it needs.
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

// expand replaces the placeholders of a text. A name that is not known is an
// error.
func (n names) expand(text string) (string, error) {
	var failed error
	text = placeholder.ReplaceAllStringFunc(text, func(p string) string {
		inner := p[2 : len(p)-1]
		if s, count, ok := strings.Cut(inner, "*"); ok {
			times, err := strconv.Atoi(count)
			if err != nil || times < 0 {
				failed = fmt.Errorf("%s: not a number of times", p)
				return p
			}
			return strings.Repeat(s, times)
		}
		key, form, _ := strings.Cut(inner, ":")
		name, ok := n[key]
		if !ok {
			failed = fmt.Errorf("%s: no such name", p)
			return p
		}
		if form == "" {
			return name
		}
		if forms[form] == nil {
			failed = fmt.Errorf("%s: no such form", p)
			return p
		}
		return forms[form](name)
	})
	return text, failed
}

// expandLine does the same with a line of a transcript.
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

// placeholders returns the names that the lines need.
func placeholders(lines transcript.Transcript) (keys []string) {
	for _, l := range lines {
		for _, text := range append([]string{l.Text}, l.Names...) {
			for _, m := range placeholder.FindAllStringSubmatch(text, -1) {
				key, _, _ := strings.Cut(m[1], ":")
				if !strings.Contains(m[1], "*") && key != patternList && key != patternAny {
					keys = append(keys, key)
				}
			}
		}
	}
	return keys
}
