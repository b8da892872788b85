// Command scale writes docs/scale.md: what negotiations cost when there are
// very many of them, over the distances of the internet.
//
//	GOWORK=off go run .       # the document and its plots
//	GOWORK=off go test ./...  # the model against the library, in fake time
//
// The document prints the model. That the model is the library is proved by the
// tests: they run the exported API over a simulated network inside of
// testing/synctest, which works only in tests, and compare each negotiation.
// So nothing that is simulated has to find its way into the document, and
// TestDocument fails when the document is not what the model says.
//
// Read strategy.go first: it is the model. sample.go is the network that it is
// applied to, cpu.go what was measured; link_test.go is the simulated network.
// The module is never published and not part of go.work.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	docs := flag.String("docs", filepath.Join("..", "..", "docs"), "the `folder` to write scale.md and scale/*.svg to")
	flag.Parse()
	if err := write(*docs); err != nil {
		fmt.Fprintln(os.Stderr, "scale:", err)
		os.Exit(1)
	}
}

func write(docs string) error {
	files, err := document()
	if err != nil {
		return err
	}
	for name, content := range files {
		path := filepath.Join(docs, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			return err
		}
	}
	return nil
}
