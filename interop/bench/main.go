// Command bench measures what a negotiation costs, next to the floor of its
// transport and to other implementations, in one run:
//
//	GOWORK=off go run .           # everything, into docs/performance.md; under 30 minutes
//	GOWORK=off go run . --quick   # the figures that are promised; exits 1 if one is short
//
// It is never published and not part of go.work. Read race.go for the method,
// variants.go, transports.go and talk.go for what is compared, quick.go for the
// promises, and the result for the rest.
package main

import (
	"flag"
	"os"
)

func main() { os.Exit(run()) }

func run() int {
	quick := flag.Bool("quick", false, "measure only the figures that are promised; exit 1 if one is short")
	docs := flag.String("docs", "../../docs", "the `folder` that performance.md and its plots are written to")
	child := flag.String("child", "", "for the program itself: a process that measures `something` for another")
	flag.Parse()
	switch {
	case *child != "":
		if err := runChild(*child); err != nil {
			return fail(err)
		}
		return 0
	case !pinned():
		return runPinned()
	case *quick:
		return runQuick()
	}
	return runFull(*docs)
}
