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
	pictures, err := draw(docs)
	if err != nil {
		t.Fatal(err)
	}
	if len(pictures) == 0 {
		t.Fatal("there are no transcripts")
	}
	for path, want := range pictures {
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
