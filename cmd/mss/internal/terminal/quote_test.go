package terminal

import "testing"

func TestShellQuote(t *testing.T) {
	for in, want := range map[string]string{
		"/echo/1.0.0": "/echo/1.0.0",
		"/a b":        "'/a b'",
		"/it's":       `'/it'\''s'`,
		"$(reboot)":   "'$(reboot)'",
		"--help":      "",
		"/\x1b[2J":    "",
		"/a\n/b":      "",
	} {
		if got := QuoteForShell(in); got != want {
			t.Errorf("shellQuote(%q) = %s, want %s", in, got, want)
		}
	}
}
