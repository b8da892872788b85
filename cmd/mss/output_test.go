package main

import (
	"io"
	"testing"
)

func TestSetColor(t *testing.T) {
	unset := func(string) string { return "" }
	s := &stdio{out: io.Discard, err: io.Discard}
	if s.setColor("auto", unset); s.outColor || s.errColor {
		t.Error("auto: colour, but no terminal")
	}
	if s.setColor("always", func(string) string { return "1" }); !s.outColor || !s.errColor {
		t.Error("always: no colour")
	}
	if s.setColor("never", unset); s.outColor || s.errColor {
		t.Error("never: colour")
	}
	if err := s.setColor("mauve", unset); exitCode(err) != exitUsage {
		t.Errorf("mauve: %v", err)
	}
}
