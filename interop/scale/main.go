// Command scale writes docs/scale.md: the cost of very many negotiations over the distances
// of the internet.
//
//	GOWORK=off go run .       # the document and its plots, in seconds
//	GOWORK=off go test ./...  # the model against the library, in fake time
//
// The document prints the results of the model. The tests prove that the model is the
// library: they run the exported API over a simulated network within testing/synctest, which
// works only in tests, and compare each negotiation. So no result of a simulation is in the
// document, and TestDocument fails when the document differs from the model. interop/check
// runs the tests with the race detector, with fewer negotiations, and without it.
//
// Read strategy.go first: it is the model. sample.go is the network that it is
// applied to, cpu.go has measurements; link_test.go is the simulated network.
// The package requires the standard library only.
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
