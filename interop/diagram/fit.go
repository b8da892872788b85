package main

import (
	"fmt"
	"strings"
)

// fits fails if a line is too long for its place. Widths are estimated, for the
// widest of the usual fonts.
func (s *scene) fits() error {
	if letters(s.title) > 42 {
		return fmt.Errorf("%q is too long for a title", s.title)
	}
	for _, e := range s.steps {
		for _, p := range e.parts {
			note := p.note
			if e.lost {
				note = ""
			}
			for _, text := range p.texts {
				if monospaced*letters(text)+letter*letters(note)+3*margin+point > across {
					return fmt.Errorf("%s %s is too long for its arrow", text, note)
				}
			}
		}
	}
	return nil
}

const (
	letter     = 6.4 // of what is not said on the wire, on average
	monospaced = 7.3
)

func letters(s string) float64 { return float64(len([]rune(s))) }

// wrap breaks a text into lines of at most n characters.
func wrap(text string, n int) (lines []string) {
	for _, word := range strings.Fields(text) {
		last := len(lines) - 1
		if last >= 0 && len([]rune(lines[last]))+1+len([]rune(word)) <= n {
			lines[last] += " " + word
		} else {
			lines = append(lines, word)
		}
	}
	return lines
}
