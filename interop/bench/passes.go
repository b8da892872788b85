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

// A figure of time is the middle one of quickPasses races, each in a process and on
// connections of its own, and spread over the run: where those and their buffers
// happen to lie in memory, and what the neighbours on the machine do for a few
// seconds, moves a ratio by several hundredths, and no number of rounds in one place
// averages that out.
const (
	quickPasses = 7
	quickRounds = 45
)

// pass is what the process of one pass tells: every race once.
type pass struct {
	Figures []figure
	Census  roundCounts
}

// middleOfPasses lets a process of its own make each pass, and takes the middle of
// what they find.
func middleOfPasses() ([]figure, error) {
	passes := make([]pass, quickPasses)
	for i := range passes {
		fmt.Fprintf(os.Stderr, "bench: pass %d of %d\n", i+1, quickPasses)
		p, err := passElsewhere(shared(patience, len(passes)-i))
		if err != nil {
			return nil, fmt.Errorf("pass %d: %w", i+1, err)
		}
		census.add(p.Census)
		passes[i] = p
	}
	return middleOfFigures(passes)
}

// shared is the end of the share that the first of so many has in the time that is
// left.
func shared(end time.Time, by int) time.Time {
	return time.Now().Add(time.Until(end) / time.Duration(by))
}

// middleOfFigures takes each figure's middle ratio.
func middleOfFigures(passes []pass) ([]figure, error) {
	figures := slices.Clone(passes[0].Figures)
	for i := range figures {
		var ratios []float64
		for _, p := range passes {
			if len(p.Figures) != len(figures) || p.Figures[i].Name != figures[i].Name {
				return nil, errors.New("the passes have measured different things")
			}
			ratios = append(ratios, p.Figures[i].Ratio)
		}
		figures[i].Ratio = spreadOf(ratios).median
	}
	if len(figures) == 0 {
		return nil, errors.New("the passes have measured nothing")
	}
	return figures, nil
}

// passElsewhere starts this program again, see runPass, pinned like this one.
func passElsewhere(end time.Time) (p pass, err error) {
	self, err := os.Executable()
	if err != nil {
		return p, err
	}
	cmd := exec.Command(self, "-child", "pass:"+end.Format(time.RFC3339Nano))
	cmd.Stderr = os.Stderr
	said, err := cmd.Output()
	if err == nil {
		err = json.Unmarshal(said, &p)
	}
	return p, err
}

// runPass is the process of one pass. It is told when to stop to make up for
// disturbed rounds.
func runPass(until string) error {
	end, err := time.Parse(time.RFC3339Nano, until)
	if err != nil {
		return err
	}
	var all []figure
	for i, race := range races {
		patience = shared(end, len(races)-i)
		figures, err := race()
		if err != nil {
			return err
		}
		all = append(all, figures...)
	}
	return json.NewEncoder(os.Stdout).Encode(pass{all, census})
}
