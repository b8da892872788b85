// Suites runs the test packages of modules that use go-multistream, as they are and
// with gomultistream in its place, and compares the results.
//
//	GOWORK=off go run ./suites [-v] [-repeat N] [MODULE...]
//
// A module is copied out of the module cache into a temporary directory, and has its
// own versions of everything else there. A test whose results differ is run again, up
// to N times on both sides: if one result is then seen on both, it is called flaky. What
// still differs is a failure, unless it is in the table of differences that are wanted;
// these must look as that table says. A test that fails on both sides is reported, and
// is no difference.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/multiselect/multiselect/interop/dropin/swap"
)

// suite is what is run of one module.
type suite struct {
	module, version string
	packages        []string
}

var suites = []suite{
	{"github.com/libp2p/go-libp2p", "v0.51.0", []string{
		"./p2p/host/basic", "./p2p/net/upgrader", "./p2p/protocol/identify", "./p2p/protocol/ping", "./p2p/net/swarm",
	}},
	{"github.com/ipfs/boxo", "v0.40.0", []string{"./bitswap/network/..."}},
}

// wanted are the tests that fail with gomultistream because it is better, and what they
// then say.
var wanted = map[string]struct{ says, why string }{
	"github.com/libp2p/go-libp2p/p2p/host/basic.TestStreamCloseDoesNotHangOnUnresponsivePeer_synctest": {
		"Close() took 150ms", "it wants Close to wait for a silent peer for exactly 10 s; Close waits for 150 ms",
	},
}

func main() {
	verbose := flag.Bool("v", false, "print the output of tests that fail")
	repeat := flag.Int("repeat", 3, "how often a test whose results differ is run again")
	flag.Parse()
	failed := false
	for _, s := range suites {
		if flag.NArg() > 0 && !strings.Contains(strings.Join(flag.Args(), " ")+" ", filepath.Base(s.module)+" ") {
			continue
		}
		ok, err := s.compare(*repeat, *verbose)
		if err != nil {
			fmt.Fprintln(os.Stderr, "suites:", err)
			os.Exit(2)
		}
		failed = failed || !ok
	}
	if failed {
		os.Exit(1)
	}
}

// compare runs a suite on both sides and prints what came out. It reports whether both
// are the same, but for what is wanted.
func (s suite) compare(repeat int, verbose bool) (ok bool, err error) {
	dir, err := os.MkdirTemp("", "suites")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(dir)
	fmt.Printf("%s %s\n", s.module, s.version)
	m, err := swap.Prepare(dir, s.module, s.version)
	if err != nil {
		return false, err
	}
	original, err := test(m, m.Original, s.packages, "")
	if err != nil {
		return false, err
	}
	ours, err := test(m, m.Ours, s.packages, "")
	if err != nil {
		return false, err
	}
	fmt.Printf("  go-multistream: %v\n  gomultistream:  %v\n", original.count(), ours.count())
	ok = len(original) > 0
	for _, name := range union(original, ours) {
		a, b := original[name], ours[name]
		if verbose && b.action == "fail" {
			fmt.Printf("%s\n", b.output)
		}
		switch w, isWanted := wanted[name]; {
		case a.action == b.action && a.action == "fail":
			fmt.Printf("  fails with both: %s\n", name)
		case a.action == b.action:
		case isWanted && a.action == "pass" && b.action == "fail" && strings.Contains(b.output, w.says):
			fmt.Printf("  wanted: %s\n    %s\n", name, w.why)
		case name == b.pkg && onlyWanted(name, original, ours): // the package fails because a test does
		case isFlaky(m, a, b, repeat):
			fmt.Printf("  flaky: %s was %s and %s, and then the same\n", name, a.action, b.action)
		default:
			fmt.Printf("  DIFFERENT: %s: %s with go-multistream, %s with gomultistream\n%s\n", name, a.action, b.action, b.output)
			ok = false
		}
	}
	return ok, nil
}
