// Package libp2p tests go-libp2p hosts on gomultistream: with each other, with hosts on
// go-multistream, and for their gain, which the program gains measures and writes to
// docs/dropin.md. interop/check runs the tests; gains is run by hand.
//
// It is a module of its own because its go.mod replaces go-multistream by gomultistream for
// all of go-libp2p. The module peers has go-libp2p as it is published.
package libp2p

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// Binaries are the program in node, built twice.
type Binaries struct {
	Ours     string // with gomultistream in the place of go-multistream
	Original string // with go-multistream
}

const (
	replaced = "github.com/multiformats/go-multistream"
	core     = "github.com/multiselect/multiselect"
)

// Build builds node into a directory. This module's go.mod has the replace lines; for
// the original they are dropped from a copy.
func Build(module, dir string) (Binaries, error) {
	b := Binaries{filepath.Join(dir, "ours"), filepath.Join(dir, "original")}
	modfile := filepath.Join(dir, "original.mod")
	for from, to := range map[string]string{"go.mod": modfile, "go.sum": filepath.Join(dir, "original.sum")} {
		content, err := os.ReadFile(filepath.Join(module, from))
		if err == nil {
			err = os.WriteFile(to, content, 0o666)
		}
		if err != nil {
			return b, err
		}
	}
	for _, args := range [][]string{
		{"build", "-o", b.Ours, "./node"},
		{"mod", "edit", "-dropreplace", replaced, "-dropreplace", core, "-droprequire", core, modfile},
		{"build", "-mod=mod", "-modfile", modfile, "-o", b.Original, "./node"},
	} {
		cmd := exec.Command("go", args...)
		cmd.Dir = module
		cmd.Env = append(os.Environ(), "GOWORK=off")
		if out, err := cmd.CombinedOutput(); err != nil {
			return b, fmt.Errorf("go %v: %w\n%s", args, err, out)
		}
	}
	return b, nil
}
