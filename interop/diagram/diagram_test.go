package main

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const docs = "../../docs/protocol/"

// TestPictures fails when docs is not what go run . draws.
func TestPictures(t *testing.T) {
	pictures, err := drawAll(docs)
	if err != nil {
		t.Fatal(err)
	}
	if len(pictures) == 0 {
		t.Fatal("there are no transcripts")
	}
	document, err := os.ReadFile(docs + "../protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range pictures {
		if link := "](protocol/" + filepath.Base(path) + ")"; !strings.Contains(string(document), link) {
			t.Errorf("%s is not in protocol.md", path)
		}
		got, err := os.ReadFile(path)
		if err != nil {
			t.Error(err)
		} else if strings.ReplaceAll(string(got), "\r\n", "\n") != want {
			t.Errorf("%s is not up to date: GOWORK=off go run .", path)
		}
		d := xml.NewDecoder(strings.NewReader(want))
		for err = nil; err == nil; {
			_, err = d.Token()
		}
		if !errors.Is(err, io.EOF) {
			t.Errorf("%s: %v", path, err)
		}
	}
	drawn, err := filepath.Glob(docs + "*.svg")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range drawn {
		if pictures[path] == "" {
			t.Errorf("%s has no transcript", path)
		}
	}
}

func TestReadScene(t *testing.T) {
	const about = "# title\n# text\n"
	for _, tc := range []struct{ name, text, want string }{
		{"no title", "> /a\n", "no title"},
		{"no text", "# title\n# initiator: FIN\n", "no title"},
		{"not a transcript", about + "/a\n", "not a transcript"},
		{"comment in a flight", about + "> /a\n# initiator: Write\n> /b\n", "within a flight"},
		{"an event of nobody", about + "> /a\n# nobody: FIN\n", "not what a side does"},
		{"meanwhile first", about + "# meanwhile\n> /a\n", "meanwhile"},
		{"too long for an arrow", about + "> /" + strings.Repeat("a", 50) + "\n", "too long"},
		{"too long for a title", "# " + strings.Repeat("a", 50) + "\n# text\n", "too long"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s, err := readScene([]byte(tc.text))
			if err == nil {
				err = s.fits()
			}
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%v, want %q", err, tc.want)
			}
		})
	}
}

// TestEscape: a transcript cannot write into the picture but as text.
func TestEscape(t *testing.T) {
	s, err := readScene([]byte("# </title><script>\n# &\n> </text><script> # <b>\n# initiator: <i>\n"))
	if err != nil {
		t.Fatal(err)
	}
	svg := picture(s)
	for _, tag := range []string{"<script", "<b>", "<i>"} {
		if strings.Contains(svg, tag) {
			t.Errorf("%s is a tag in\n%s", tag, svg)
		}
	}
}

func TestRoundTrips(t *testing.T) {
	for _, tc := range []struct {
		text string
		want int
	}{
		{"> /a\n", 0},
		{"> /a\n< /a\n", 1},
		{"> /a\n\n> /b\n< /a\n\n< /b\n", 1},
		{"> /a\n< na\n> /b\n< /b\n", 2},
		{"> /a\n< /a # lost\n", 0},
		{"> /a\n# meanwhile\n< /a\n", 0},
	} {
		s, err := readScene([]byte("# title\n# text\n" + tc.text))
		if err != nil {
			t.Fatal(err)
		}
		if got := len(s.roundTrips()); got != tc.want {
			t.Errorf("%d round trips in\n%swant %d", got, tc.text, tc.want)
		}
	}
}
