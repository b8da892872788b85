package main

import (
	"fmt"
	"os"
	"time"
)

// figure is one promise: a ratio and what it may be at most.
type figure struct {
	Name          string
	Ratio, Target float64
}

func (f figure) ok() bool { return f.Ratio <= f.Target } // not for NaN

func (f figure) String() string {
	verdict := "ok"
	if !f.ok() {
		verdict = "short"
	}
	return fmt.Sprintf("%-24s %6.3f %5.2f %s", f.Name, f.Ratio, f.Target, verdict)
}

// races and memories measure the figures, a few at a time. The names with "budget"
// are with the default budget, the others with none; memory is with the defaults.
var (
	races = []func() ([]figure, error){
		checkTCP,
		checkTransport("unix", 1.07),
		checkTransport("yamux v5", 1.04),
		checkTransport("in-memory", 1.35),
		checkTransport("net.Pipe", 1.5),
		checkKth(2, 1.05), checkKth(5, 1.05), checkKth(10, 1.05),
		checkLazy,
		checkCPU,
		checkHandlers,
	}
	memories = []func() ([]figure, error){
		checkHalfOpenTCP,
		checkHalfOpenYamux5,
	}
)

// measureFigures measures them all.
func measureFigures() ([]figure, error) {
	all, err := middleOfPasses()
	if err != nil {
		return nil, err
	}
	for _, check := range memories {
		figures, err := check()
		if err != nil {
			return nil, err
		}
		all = append(all, figures...)
	}
	return all, nil
}

// runQuick prints one line a figure: NAME RATIO TARGET ok|short.
func runQuick() int {
	patience = time.Now().Add(100 * time.Second)
	figures, err := measureFigures()
	if err != nil {
		return fail(err)
	}
	code := 0
	for _, f := range figures {
		fmt.Println(f)
		if !f.ok() {
			code = 1
		}
	}
	if code != 0 {
		fmt.Fprintln(os.Stderr, "bench: at least one figure is short")
	}
	fmt.Fprintf(os.Stderr, "bench: %d of %d rounds count; in %d of them others had the CPU for a while\n", census.Kept, census.Tried, census.Disturbed)
	return code
}

// checkTCP has all its variants in the same rounds.
func checkTCP() ([]figure, error) {
	l, err := openTCP()
	if err != nil {
		return nil, err
	}
	defer l.close()
	const free, budget = "ours~ours, no budget", "ours~ours"
	var contenders []contender
	for _, v := range find(theFloor, free, budget) {
		contenders = append(contenders, v.start(oneLength, l.initiator, l.responder))
	}
	withMixed := find(free)[0].start(mixed, l.initiator, l.responder)
	withMixed.name = mixed.name
	r, err := race(quickRounds, append(contenders, withMixed))
	if err != nil {
		return nil, err
	}
	return []figure{
		{"tcp", r.ratio(free, theFloor).median, 1.05},
		{"tcp-mixed", r.ratio(mixed.name, theFloor).median, 1.12},
		{"tcp-budget", r.ratio(budget, theFloor).median, 1.08},
	}, nil
}

func checkTransport(name string, target float64) func() ([]figure, error) {
	slug := map[string]string{"yamux v5": "yamux5"}[name]
	if slug == "" {
		slug = name
	}
	return func() ([]figure, error) { return checkOn(slug, transportNamed(name), oneLength, target) }
}

func checkKth(k int, target float64) func() ([]figure, error) {
	return func() ([]figure, error) {
		return checkOn("tcp-k"+itoa(k), transportNamed("TCP"), kth(k), target)
	}
}

func checkOn(name string, tr transport, t talk, target float64) ([]figure, error) {
	const free = "ours~ours, no budget"
	r, err := raceOn(tr, quickRounds, t, find(theFloor, free))
	if err != nil {
		return nil, err
	}
	return []figure{{name, r.ratio(free, theFloor).median, target}}, nil
}

// checkLazy is about the time to the first bytes of the protocol, there and back.
func checkLazy() ([]figure, error) {
	const free = "ours~ours, no budget"
	r, err := raceOn(transportNamed("TCP"), quickRounds, oneLength, named(lazyVariants, theFloor, free))
	if err != nil {
		return nil, err
	}
	return []figure{{"lazy", r.ratio(free, theFloor).median, 1.65}}, nil
}

func checkCPU() ([]figure, error) {
	initiators, responders, err := raceAlone(quickRounds)
	if err != nil {
		return nil, err
	}
	return []figure{
		{"cpu-initiator", initiators.ratio("ours-free", "goms").median, 0.1},
		{"cpu-responder", responders.ratio("ours-free", "goms").median, 0.1},
		{"cpu-initiator-budget", initiators.ratio("ours", "goms").median, 0.25},
		{"cpu-responder-budget", responders.ratio("ours", "goms").median, 0.25},
	}, nil
}

// checkHandlers compares 100 000 handlers with one.
func checkHandlers() ([]figure, error) {
	one, many := responderAlone(oursFree, serving(1)), responderAlone(oursFree, serving(100_000))
	one.name, many.name = "one", "many"
	r, err := race(quickRounds, []contender{one, many})
	if err != nil {
		return nil, err
	}
	return []figure{{"100000-handlers", r.ratio("many", "one").median, 1.3}}, nil
}

// checkHalfOpenTCP takes the worst of the places where an initiator can stop.
func checkHalfOpenTCP() ([]figure, error) {
	worst := 0.0
	for _, silence := range silences {
		ratio, err := heldRatio(func(who string) (held, error) { return halfOpenTCP(who, silence.bytes) })
		if err != nil {
			return nil, err
		}
		worst = max(worst, ratio)
	}
	return []figure{{"half-open-tcp", worst, 1.10}}, nil
}

func checkHalfOpenYamux5() ([]figure, error) {
	ratio, err := heldRatio(halfOpenYamux5)
	return []figure{{"half-open-yamux5", ratio, 1.08}}, err
}

// heldRatio compares ours with the floor.
func heldRatio(measure func(who string) (held, error)) (float64, error) {
	base, err := middleOf(3, func() (held, error) { return measure("floor") })
	if err != nil {
		return 0, err
	}
	h, err := middleOf(3, func() (held, error) { return measure("ours") })
	return h.sum() / base.sum(), err
}
