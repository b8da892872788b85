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

// TestDocument fails when docs is not what go run . writes.
func TestDocument(t *testing.T) {
	files, err := document()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join("..", "..", "docs", filepath.FromSlash(name)))
		if err != nil {
			t.Error(err)
		} else if strings.ReplaceAll(string(got), "\r\n", "\n") != want {
			t.Errorf("docs/%s is not up to date: GOWORK=off go run .", name)
		}
	}
}

func TestPlotsAreXML(t *testing.T) {
	files, err := document()
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range files {
		if !strings.HasSuffix(name, ".svg") {
			continue
		}
		d := xml.NewDecoder(strings.NewReader(content))
		for err == nil {
			_, err = d.Token()
		}
		if !errors.Is(err, io.EOF) {
			t.Errorf("%s: %v", name, err)
		}
		err = nil
	}
}

// TestSampleIsComplete: the shares add up.
func TestSampleIsComplete(t *testing.T) {
	for _, s := range successes {
		count := 0
		for _, c := range s.sample(false) {
			count += c.count
		}
		if count != sampleSize {
			t.Errorf("%s: %d negotiations, want %d", s.name, count, sampleSize)
		}
	}
}
