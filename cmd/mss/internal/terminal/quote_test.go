package terminal

import (
	"fmt"
	"strings"
	"testing"
	"unicode"
)

// hostile are names and bytes that do something to a terminal that shows them as they
// are, or that would be taken for something else.
var hostile = []string{
	"\x1b[2J", "\x1b]0;title\x07", "/a\r/b", "/a\n/b", "\x00", "\x7f", "\u009b31m", "\u202eabc", "\xff\xfe", "", " /a ", `"/a"`, "# /a",
}

// The quotation of any text is one line of printable characters.
func TestQuotePrints(t *testing.T) {
	for _, text := range hostile {
		for name, quote := range map[string]func(string) string{
			"QuoteName": QuoteName, "QuoteInList": QuoteInList, "QuoteBytes": QuoteBytes, "QuoteForShell": QuoteForShell,
			"QuoteNames":     func(s string) string { return QuoteNames([]string{s, s}) },
			"SummarizeNames": func(s string) string { return SummarizeNames([]string{s}, "") },
		} {
			got := quote(text)
			if strings.ContainsFunc(got, func(r rune) bool { return !unicode.IsPrint(r) }) {
				t.Errorf("%s(%q) = %q", name, text, got)
			}
			if name != "QuoteForShell" && got == text {
				t.Errorf("%s(%q) is not quoted", name, text)
			}
		}
	}
}

func TestQuoteName(t *testing.T) {
	for _, c := range []struct{ in, name, listed string }{
		{"/echo/1.0.0", "/echo/1.0.0", "/echo/1.0.0"},
		{"na", "na", "na"},
		{"/a,b", "/a,b", `"/a,b"`}, // within a list a comma separates
		{"/a b", "/a b", `"/a b"`},
		{"/a\tb", `"/a\tb"`, `"/a\tb"`},
		{"/\x1b[2J", `"/\x1b[2J"`, `"/\x1b[2J"`},
	} {
		if got := QuoteName(c.in); got != c.name {
			t.Errorf("QuoteName(%q) = %s, want %s", c.in, got, c.name)
		}
		if got := QuoteInList(c.in); got != c.listed {
			t.Errorf("QuoteInList(%q) = %s, want %s", c.in, got, c.listed)
		}
	}
}

func TestQuoteBytes(t *testing.T) {
	if got := QuoteBytes("HTTP/1.1 400\r\n"); got != `"HTTP/1.1 400\r\n"` {
		t.Errorf("got %s", got)
	}
	if got, want := QuoteBytes(strings.Repeat("x", 1000)), `"`+strings.Repeat("x", 120)+`"`; got != want {
		t.Errorf("1000 bytes are %d: %s", len(got), got)
	}
}

func TestQuoteForShell(t *testing.T) {
	for in, want := range map[string]string{
		"/echo/1.0.0": "/echo/1.0.0",
		"/a b":        "'/a b'",
		"/it's":       `'/it'\''s'`,
		"$(reboot)":   "'$(reboot)'",
		"a;b":         "'a;b'",
		"[::1]:80":    "[::1]:80",
		"--help":      "",
		"/\x1b[2J":    "",
		"/a\n/b":      "",
	} {
		if got := QuoteForShell(in); got != want {
			t.Errorf("QuoteForShell(%q) = %s, want %s", in, got, want)
		}
	}
}

// A long list is cut after twelve names, and says how many are left.
func TestSummarizeNames(t *testing.T) {
	var names []string
	for i := range 15 {
		names = append(names, fmt.Sprintf("/%d", i))
	}
	for n, want := range map[int]string{
		0:  "nothing",
		1:  "/0",
		2:  "/0, /1",
		12: "/0, /1, /2, /3, /4, /5, /6, /7, /8, /9, /10, /11",
		15: "/0, /1, /2, /3, /4, /5, /6, /7, /8, /9, /10, /11 and 3 more (see ls)",
	} {
		if got := SummarizeNames(names[:n], " (see ls)"); got != want {
			t.Errorf("%d names: %s, want %s", n, got, want)
		}
	}
}

func TestCountBytes(t *testing.T) {
	for n, want := range map[int]string{0: "0 bytes", 1: "1 byte", 2: "2 bytes"} {
		if got := CountBytes(n); got != want {
			t.Errorf("%d: %s", n, got)
		}
	}
}
