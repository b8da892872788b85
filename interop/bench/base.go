package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// With -base, the benchmark of another checkout is built from its own source, and its passes
// alternate with those of this one, in changing order. So both run on the same machine in
// the same minutes. The change of a figure is the median of the changes within the pairs
// of passes.

const (
	// maxChange is the ratio to the other checkout up to which a figure is no worse. The
	// position of the code in memory alone, which the linker chooses, changes a ratio by
	// up to 0.02.
	maxChange = 1.02
	// maxPipeChange is the limit for net.Pipe, which has no bound of its own.
	maxPipeChange = 1.25
)

// comparison is a figure of this checkout next to that of the other one.
type comparison struct {
	figure
	Base   float64 // the figure of the other checkout, NaN if it has none
	Change spread  // this one divided by the other one
}

// verdicts of a comparison.
const (
	kept    = "kept"
	noWorse = "missed by both, no worse"
	missed  = "missed"
	shown   = ""
)

func (c comparison) verdict() string {
	switch {
	case c.Name == pipe && !c.Limited && c.Change.median <= maxPipeChange:
		return kept
	case c.Name == pipe && !c.Limited:
		return missed
	case !c.isPromised():
		return shown
	case c.isKept():
		return kept
	case c.Base > c.Bound && c.Change.median <= maxChange:
		return noWorse
	}
	return missed
}

// runBase measures the figures of this checkout and of the one in folder, and prints both.
func runBase(folder string, passes int) int {
	base, remove, err := buildBase(folder)
	if err != nil {
		return fail(err)
	}
	defer remove()
	this, err := thisProgram()
	if err != nil {
		return fail(err)
	}
	retryUntil = time.Now().Add(200 * time.Second)
	all, err := comparePasses(this, base, passes)
	if err != nil {
		return fail(err)
	}
	sizes, err := compareMemory(this, base)
	if err != nil {
		return fail(err)
	}
	all = append(all, sizes...)
	fmt.Print(comparisonTable(all).aligned())
	reportRounds()
	text, code := baseSummary(all)
	fmt.Print(text)
	return code
}

// buildBase builds the benchmark of the checkout in folder.
func buildBase(folder string) (p program, remove func(), err error) {
	temporary, err := os.MkdirTemp("", "bench")
	if err != nil {
		return "", nil, err
	}
	remove = func() { os.RemoveAll(temporary) }
	path := filepath.Join(temporary, "base")
	build := exec.Command("go", "build", "-o", path, ".")
	build.Dir = filepath.Join(folder, "interop", "bench")
	build.Env = append(os.Environ(), "GOWORK=off")
	build.Stdout, build.Stderr = os.Stderr, os.Stderr
	if err := build.Run(); err != nil {
		remove()
		return "", nil, fmt.Errorf("build the benchmark of the other checkout in %s: %w", build.Dir, err)
	}
	return program(path), remove, nil
}

// comparePasses runs n passes of each program in turns.
func comparePasses(this, base program, n int) ([]comparison, error) {
	pairs := make([][2]pass, n)
	programs := [2]program{this, base}
	for i := range pairs {
		fmt.Fprintf(os.Stderr, "bench: pair of passes %d of %d\n", i+1, n)
		for turn := range programs {
			which := (i + turn) % 2
			p, err := programs[which].runPass(shareOfTime(retryUntil, 2*(n-i)-turn))
			if err != nil {
				return nil, fmt.Errorf("pass %d: %w", i+1, err)
			}
			census.add(p.Census)
			pairs[i][which] = p
		}
	}
	return compare(pairs)
}

// compareMemory compares the figures of memory, which vary little.
func compareMemory(this, base program) ([]comparison, error) {
	var p [2]pass
	for i, program := range []program{this, base} {
		var err error
		if p[i].Figures, err = measureMemory(program, false); err != nil {
			return nil, err
		}
	}
	return compare([][2]pass{p})
}

// compare returns the medians of pairs of passes, of this checkout and of the other one.
func compare(pairs [][2]pass) ([]comparison, error) {
	var these []pass
	for _, pair := range pairs {
		these = append(these, pair[0])
	}
	figures, err := medianOfFigures(these)
	if err != nil {
		return nil, err
	}
	var all []comparison
	found := 0
	for i, f := range figures {
		var bases, changes []float64
		for _, pair := range pairs {
			if ratio, ok := findFigure(pair[1].Figures, f); ok {
				bases = append(bases, ratio)
				changes = append(changes, pair[0].Figures[i].Ratio/ratio)
			}
		}
		found += len(bases)
		all = append(all, comparison{f, spreadOf(bases).median, spreadOf(changes)})
	}
	if found == 0 {
		return nil, errors.New("the other checkout measures none of these figures")
	}
	return all, nil
}

// findFigure returns the ratio of the figure that measures the same as f. Benchmarks of
// older checkouts have no Limited, and a suffix in the name instead.
func findFigure(figures []figure, f figure) (float64, bool) {
	for _, g := range figures {
		if name, ok := strings.CutSuffix(g.Name, "-budget"); ok {
			g.Name, g.Limited = name, true
		}
		if g.isSameAs(f) {
			return g.Ratio, true
		}
	}
	return 0, false
}

// baseSummary counts the figures with each verdict. The code is 1 if one is missed.
func baseSummary(all []comparison) (text string, code int) {
	counts := make(map[string]int)
	for _, c := range all {
		counts[c.verdict()]++
	}
	if counts[missed] > 0 {
		code = 1
	}
	return fmt.Sprintf("%d kept, %d missed by both and no worse here, %d missed\n", counts[kept], counts[noWorse], counts[missed]), code
}
