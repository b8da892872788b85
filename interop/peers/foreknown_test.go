package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What was known of a peer is what it is expected to fail.
func TestForeknown(t *testing.T) {
	for _, k := range foreknown {
		known, err := expectations(k.peer, k.role)
		if err != nil {
			t.Fatal(err)
		}
		if k.id == "" && k.why == "" || k.id != "" && known[k.id] == "" {
			t.Errorf("%s as %v, %s: case %q shows nothing", k.peer, k.role, k.what, k.id)
		}
	}
	var b strings.Builder
	writeForeknown(&b)
	document, err := os.ReadFile(filepath.Join("..", "..", "docs", "conformance.md"))
	if err != nil || !strings.Contains(string(document), b.String()) {
		t.Errorf("it is not in docs/conformance.md (%v):\n%s", err, b.String())
	}
}
