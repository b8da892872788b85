package attempt

import (
	"strings"
	"testing"
)

func TestNearest(t *testing.T) {
	for _, c := range []struct {
		refused, offered string // offered: separated by spaces
		want, differs    string
	}{
		{"/echo/2.0.0", "/time/1.0.0 /echo/1.0.0", "/echo/1.0.0", "the version"},
		{"/echo/2.0.0", "/echo/1.0.0 /ecko/2.0.0", "/echo/1.0.0", "the version"},
		{"/echo/2.1.0", "/echo/1.0.0 /echo/2.0.0", "/echo/2.0.0", "the version"},
		{"/echo/v2", "/echo/v1", "/echo/v1", "the version"},
		{"echo/1.0.0", "/echo/1.0.0 /echo/1.0.1", "/echo/1.0.0", "the leading slash"},
		{"/Echo/1.0.0", "/echo/1.0.0", "/echo/1.0.0", "upper and lower case"},
		{"/ehco/1.0.0", "/echo/1.0.0", "/echo/1.0.0", "its spelling"},
		{"/echo/1.0.0", "/time/1.0.0", "", ""},
		{"/ehco", "/time /echo", "", ""}, // two of four letters
		{"/ecko", "/time /echo", "/echo", "its spelling"},
		{"/a", "/b", "", ""},
		{"/a/1.0.0", "/b/1.0.0", "", ""},
		{"/1", "/2", "", ""},
		{"/echo", "/time/1.0.0 /echo/1.0.0", "/echo/1.0.0", "the version"},
		{"echo", "/time/1.0.0 /echo/1.0.0", "/echo/1.0.0", "the leading slash and the version"},
		{"/echo/1.0.0 ", "/echo/1.0.0", "/echo/1.0.0", "the blanks at the end"},
		{"/echo/1.0.0", "", "", ""},
	} {
		got := nearest([]string{c.refused}, strings.Fields(c.offered))
		switch {
		case got == nil && c.want == "":
		case got == nil || got.offered != c.want || got.differs != c.differs:
			t.Errorf("nearest(%s, %s) = %+v, want %s, %s", c.refused, c.offered, got, c.want, c.differs)
		}
	}
}

func TestEditDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"", "", 0},
		{"", "abc", 3},
		{"abc", "", 3},
		{"abc", "abc", 0},
		{"kitten", "sitting", 3},
		{"ab", "ba", 2},
		{"flaw", "lawn", 2},
	} {
		if got := editDistance(c.a, c.b); got != c.want {
			t.Errorf("editDistance(%q, %q) = %d, want %d", c.a, c.b, got, c.want)
		}
	}
}
