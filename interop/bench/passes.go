package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"time"
)

// A figure of time is the median of several passes, each in a process and on connections
// of its own, and spread over the run. The position of connections and buffers in memory,
// and other processes that are busy for some seconds, change a ratio by several
// hundredths, and more rounds in one process do not average that out.
const (
	defaultPasses = 7
	passRounds    = 45
)

// pass is the output of one pass: the figures of every race, each measured once.
type pass struct {
	Figures []figure
	Census  roundCounts
}

// program is the path of an executable of this benchmark: this one, or one that was built
// from another checkout.
type program string

func thisProgram() (program, error) {
	path, err := os.Executable()
	return program(path), err
}

// medianOfPasses runs the passes and returns the median of each figure.
func medianOfPasses(p program, n int) ([]figure, error) {
	passes := make([]pass, n)
	for i := range passes {
		fmt.Fprintf(os.Stderr, "bench: pass %d of %d\n", i+1, n)
		var err error
		if passes[i], err = p.runPass(shareOfTime(retryUntil, n-i)); err != nil {
			return nil, fmt.Errorf("pass %d: %w", i+1, err)
		}
		census.add(passes[i].Census)
	}
	return medianOfFigures(passes)
}

// shareOfTime returns the end of the first of n equal shares of the time until end.
func shareOfTime(end time.Time, n int) time.Time {
	return time.Now().Add(time.Until(end) / time.Duration(n))
}

// medianOfFigures returns the median of each figure.
func medianOfFigures(passes []pass) ([]figure, error) {
	figures := slices.Clone(passes[0].Figures)
	for i := range figures {
		var ratios []float64
		for _, p := range passes {
			if len(p.Figures) != len(figures) || !p.Figures[i].isSameAs(figures[i]) {
				return nil, errors.New("the passes have measured different figures")
			}
			ratios = append(ratios, p.Figures[i].Ratio)
		}
		figures[i].Ratio = spreadOf(ratios).median
	}
	if len(figures) == 0 {
		return nil, errors.New("the passes have measured no figures")
	}
	return figures, nil
}

// isSameAs reports whether two figures measure the same thing.
func (f figure) isSameAs(g figure) bool { return f.Name == g.Name && f.Limited == g.Limited }

// runPass runs one pass in a process of its own, which is pinned like this one.
func (p program) runPass(end time.Time) (result pass, err error) {
	cmd := exec.Command(string(p), "-child", "pass:"+end.Format(time.RFC3339Nano))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err == nil {
		err = json.Unmarshal(out, &result)
	}
	return result, err
}

// measurePass is the process of one pass. It stops to replace disturbed rounds at the
// given time.
func measurePass(until string) error {
	end, err := time.Parse(time.RFC3339Nano, until)
	if err != nil {
		return err
	}
	var all []figure
	for i, race := range races {
		retryUntil = shareOfTime(end, len(races)-i)
		figures, err := race()
		if err != nil {
			return err
		}
		all = append(all, figures...)
	}
	return json.NewEncoder(os.Stdout).Encode(pass{all, census})
}
