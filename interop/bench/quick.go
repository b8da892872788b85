package main

import (
	"fmt"
	"os"
	"time"
)

// figure is a ratio. If Bound is not zero, it is promised to be at most that.
type figure struct {
	Name    string
	Limited bool // the time limit of a negotiation is on, which is the default
	Ratio   float64
	Bound   float64
}

func (f figure) isPromised() bool { return f.Bound > 0 }

func (f figure) isKept() bool { return f.Ratio <= f.Bound } // false for NaN

// bounds are the promises of a row, with the time limit on and switched off. Zero means
// that the figure is shown and not promised.
type bounds struct{ on, off float64 }

// row returns the two figures of a row.
func row(name string, on, off float64, b bounds) []figure {
	return []figure{{name, true, on, b.on}, {name, false, off, b.off}}
}

// races measure the figures of time, a few each.
var races = []func() ([]figure, error){
	checkTCP,
	checkTransport("unix", "unix", bounds{off: 1.07}),
	checkTransport("yamux5", "yamux v5", bounds{off: 1.04}),
	checkTransport("in-memory", "in-memory", bounds{off: 1.35}),
	checkTransport(pipe, pipe, bounds{}),
	checkKth(2, bounds{off: 1.05}), checkKth(5, bounds{off: 1.05}), checkKth(10, bounds{off: 1.05}),
	checkLazy,
	checkCPU,
	checkHandlers,
}

// pipe is the row that is compared with another checkout only: see maxPipeChange.
const pipe = "net.Pipe"

// measureFigures measures all figures of this program.
func measureFigures(passes int) ([]figure, error) {
	p, err := thisProgram()
	if err != nil {
		return nil, err
	}
	times, err := medianOfPasses(p, passes)
	if err != nil {
		return nil, err
	}
	sizes, err := measureMemory(p, true)
	return append(times, sizes...), err
}

// runQuick measures the figures and prints them.
func runQuick(passes int) int {
	retryUntil = time.Now().Add(100 * time.Second)
	figures, err := measureFigures(passes)
	if err != nil {
		return fail(err)
	}
	fmt.Print(figureTable(figures).aligned())
	reportRounds()
	return conclude(figures)
}

// reportRounds prints how much other processes have disturbed the measurements.
func reportRounds() {
	fmt.Fprintf(os.Stderr, "bench: %d of %d rounds count; %d of these were disturbed by other processes\n",
		census.Kept, census.Tried, census.Disturbed)
}

// conclude prints the summary and returns the exit code.
func conclude(figures []figure) int {
	text, code := summary(figures)
	fmt.Print(text)
	return code
}

// summary lists the promises that are missed, and counts those that are kept. The code is 1
// if one is missed.
func summary(figures []figure) (text string, code int) {
	promised, missed := 0, 0
	for _, f := range figures {
		if !f.isPromised() {
			continue
		}
		promised++
		if !f.isKept() {
			missed++
			text += fmt.Sprintf("missed: %s, time limit %s: %.3f, at most %.2f\n", f.Name, onOrOff(f.Limited), f.Ratio, f.Bound)
		}
	}
	if missed > 0 {
		code = 1
	}
	return text + fmt.Sprintf("%d of %d promises are kept\n", promised-missed, promised), code
}

func onOrOff(limited bool) string {
	if limited {
		return "on"
	}
	return "off"
}

// checkTCP has one name length and mixed name lengths in the same rounds.
func checkTCP() ([]figure, error) {
	l, err := openTCP()
	if err != nil {
		return nil, err
	}
	defer l.close()
	var contenders []contender
	for _, v := range findVariants(theFloor, limitOn, limitOff) {
		contenders = append(contenders, v.start(oneLength, l.initiator, l.responder))
	}
	for _, v := range findVariants(limitOn, limitOff) {
		c := v.start(mixed, l.initiator, l.responder)
		c.name = "mixed " + v.name
		contenders = append(contenders, c)
	}
	r, err := race(passRounds, contenders)
	if err != nil {
		return nil, err
	}
	median := func(name string) float64 { return r.ratio(name, theFloor).median }
	return append(
		row("tcp", median(limitOn), median(limitOff), bounds{on: 1.08, off: 1.05}),
		row("tcp-mixed", median("mixed "+limitOn), median("mixed "+limitOff), bounds{off: 1.12})...), nil
}

func checkTransport(name, transport string, b bounds) func() ([]figure, error) {
	return func() ([]figure, error) {
		return checkOn(name, transportNamed(transport), oneLength, findVariants(theFloor, limitOn, limitOff), b)
	}
}

func checkKth(k int, b bounds) func() ([]figure, error) {
	return func() ([]figure, error) {
		return checkOn("tcp-k"+itoa(k), transportNamed("TCP"), kth(k), findVariants(theFloor, limitOn, limitOff), b)
	}
}

// checkLazy measures up to the first bytes of the protocol, there and back.
func checkLazy() ([]figure, error) {
	vs := variantsNamed(lazyVariants, theFloor, limitOn, limitOff)
	return checkOn("lazy", transportNamed("TCP"), oneLength, vs, bounds{off: 1.65})
}

func checkOn(name string, tr transport, s scenario, vs []variant, b bounds) ([]figure, error) {
	r, err := raceOn(tr, passRounds, s, vs)
	if err != nil {
		return nil, err
	}
	return row(name, r.ratio(limitOn, theFloor).median, r.ratio(limitOff, theFloor).median, b), nil
}

// checkCPU compares each role alone with go-multistream's.
func checkCPU() ([]figure, error) {
	initiators, responders, err := raceSolo(passRounds)
	if err != nil {
		return nil, err
	}
	median := func(r results, name string) float64 { return r.ratio(name, goms.name).median }
	b := bounds{on: 0.25, off: 0.1}
	return append(
		row("cpu-initiator", median(initiators, ours.name), median(initiators, oursNoLimit.name), b),
		row("cpu-responder", median(responders, ours.name), median(responders, oursNoLimit.name), b)...), nil
}

// checkHandlers compares 100 000 handlers with one.
func checkHandlers() ([]figure, error) {
	var contenders []contender
	for _, i := range []implementation{ours, oursNoLimit} {
		one, many := soloResponder(i, serving(1)), soloResponder(i, serving(100_000))
		one.name, many.name = "one "+i.name, "many "+i.name
		contenders = append(contenders, one, many)
	}
	r, err := race(passRounds, contenders)
	if err != nil {
		return nil, err
	}
	median := func(name string) float64 { return r.ratio("many "+name, "one "+name).median }
	return row("100000-handlers", median(ours.name), median(oursNoLimit.name), bounds{off: 1.3}), nil
}

// measureMemory measures the figures of memory. If alsoOff is false, it measures them only
// with the time limit on.
func measureMemory(p program, alsoOff bool) ([]figure, error) {
	figures, err := memoryFigures(p, "ours", true, 1.10, 1.08)
	if err != nil || !alsoOff {
		return figures, err
	}
	off, err := memoryFigures(p, "ours-no-limit", false, 0, 0)
	return append(figures, off...), err
}

func memoryFigures(p program, responder string, limited bool, tcpBound, yamuxBound float64) ([]figure, error) {
	worst := 0.0 // of the positions at which an initiator can stop
	for _, silence := range silences {
		ratio, err := memoryRatio(responder, func(r string) (memory, error) { return p.halfOpenTCP(r, silence.bytes) })
		if err != nil {
			return nil, err
		}
		worst = max(worst, ratio)
	}
	ratio, err := memoryRatio(responder, p.halfOpenYamux5)
	return []figure{
		{"half-open-tcp", limited, worst, tcpBound},
		{"half-open-yamux5", limited, ratio, yamuxBound},
	}, err
}

// memoryRatio compares a responder with the floor.
func memoryRatio(responder string, measure func(responder string) (memory, error)) (float64, error) {
	floor, err := medianMemory(memoryTimes, func() (memory, error) { return measure("floor") })
	if err != nil {
		return 0, err
	}
	m, err := medianMemory(memoryTimes, func() (memory, error) { return measure(responder) })
	return m.sum() / floor.sum(), err
}
