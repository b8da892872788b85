// Command bench measures the cost of a negotiation, compared with the floor of its
// transport and with other implementations, in one run:
//
//	GOWORK=off go run .              # everything, into docs/performance.md
//	GOWORK=off go run . --quick      # the promises only
//	GOWORK=off go run . --base DIR   # the promises, in turns with the checkout in DIR
//
// Each of them prints at its end which promises are kept, and exits 1 if one is missed.
//
// It is run by hand; interop/check runs the tests, which measure little. The method is in
// race.go, the things that are compared are in variants.go, transports.go and scenario.go,
// the promises in quick.go, the plots in report.go, and the comparison with another checkout
// in base.go.
package main

import (
	"errors"
	"flag"
	"os"
)

func main() { os.Exit(run()) }

func run() int {
	quick := flag.Bool("quick", false, "measure only the promises; exit 1 if one is missed")
	base := flag.String("base", "", "measure the promises here and in the checkout in `folder`, in turns, and compare; exit 1 if one is missed here and is worse than there")
	passes := flag.Int("passes", defaultPasses, "the `number` of passes of which a promise of time takes the median")
	docs := flag.String("docs", "../../docs", "the `folder` that performance.md and its plots are written to")
	child := flag.String("child", "", "internal: measure `something` for the process that started this one")
	flag.Parse()
	switch {
	case *passes < 1:
		return fail(errors.New("-passes must be at least 1"))
	case *child != "":
		if err := runChild(*child); err != nil {
			return fail(err)
		}
		return 0
	case !isPinned():
		return runPinned()
	case *base != "":
		return runBase(*base, *passes)
	case *quick:
		return runQuick(*passes)
	}
	return runFull(*docs, *passes)
}
