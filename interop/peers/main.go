// Command peers connects the implementations of multistream-select, each with each, runs the
// conformance suite against each, and writes docs/conformance.md and report/conformance.html:
// the matrix of all pairs, and the verdicts.
//
//	GOWORK=off go run .           # everything
//	GOWORK=off go test -v .       # the same as a test, and that the document is up to date
//
// README.md has the contract of the programs of all peers. peers.go is the table of peers,
// matrix.go the table of scenarios, deviations.json lists known failures between peers, and
// expect/ the cases of the suite that a peer fails. The package hosts is about the tool with
// hosts of go-libp2p and py-libp2p.
//
// The program is run by hand, and the tests by interop/check: they build programs with go,
// cargo, npm and pip, from packages of the registries that stay in the user's cache directory.
// It is a module of its own because go-libp2p requires an older quic-go than interop measures.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

func main() {
	docs := flag.String("docs", filepath.Join("..", "..", "docs"), "the `folder` to write conformance.md to")
	page := flag.String("report", "report", "the `folder` to write conformance.html to")
	flag.Parse()
	if err := write(*docs, *page); err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
}

func write(docs, page string) error {
	f, err := newField(peers)
	defer f.close()
	if err != nil {
		return err
	}
	if len(f.skipped) > 0 {
		return fmt.Errorf("the document needs all peers: %v", f.skipped)
	}
	r, err := observe(f.players)
	if err != nil {
		return err
	}
	for _, wrong := range slices.Concat(r.unexplained, bad(r.verdicts)) {
		fmt.Fprintln(os.Stderr, "peers:", wrong)
	}
	if err := r.writePage(page); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(docs, "conformance.md"), []byte(r.document()), 0o644)
}

// results are what the document is made of.
type results struct {
	cells    []cell
	known    []explained
	verdicts []verdict

	unexplained []string // of the cells
}

func observe(players []*player) (r results, err error) {
	if r.cells, err = play(players); err != nil {
		return r, err
	}
	if r.known, err = readDeviations(deviationsFile); err != nil {
		return r, err
	}
	r.unexplained = explain(r.cells, r.known)
	if r.verdicts, err = examine(context.Background(), players); err != nil {
		return r, err
	}
	return r, nil
}
