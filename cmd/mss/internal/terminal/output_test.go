package terminal

import (
	"io"
	"testing"

	"github.com/multiselect/multiselect/cmd/mss/internal/exit"
)

func TestSetColor(t *testing.T) {
	unset := func(string) string { return "" }
	s := &Stdio{Out: io.Discard, Err: io.Discard}
	if s.SetColor("auto", unset); s.OutColor || s.errColor {
		t.Error("auto: colour, but no terminal")
	}
	if s.SetColor("always", func(string) string { return "1" }); !s.OutColor || !s.errColor {
		t.Error("always: no colour")
	}
	if s.SetColor("never", unset); s.OutColor || s.errColor {
		t.Error("never: colour")
	}
	if err := s.SetColor("mauve", unset); exit.Code(err) != exit.Usage {
		t.Errorf("mauve: %v", err)
	}
}
