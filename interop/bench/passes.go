package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
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
	var figures []figure
	ratios := make(map[string][]float64)
	for i := range quickPasses {
		fmt.Fprintf(os.Stderr, "bench: pass %d of %d\n", i+1, quickPasses)
		left := time.Duration(quickPasses - i)
		p, err := passElsewhere(time.Now().Add(time.Until(patience) / left))
		if err != nil {
			return nil, fmt.Errorf("pass %d: %w", i+1, err)
		}
		figures = p.Figures
		census.add(p.Census)
		for _, f := range figures {
			ratios[f.Name] = append(ratios[f.Name], f.Ratio)
		}
	}
	for i, f := range figures {
		figures[i].Ratio = spreadOf(ratios[f.Name]).median
	}
	return figures, nil
}

// passElsewhere starts this program again, see runPass, pinned like this one.
func passElsewhere(patience time.Time) (p pass, err error) {
	self, err := os.Executable()
	if err != nil {
		return p, err
	}
	cmd := exec.Command(self, "-child", "pass:"+patience.Format(time.RFC3339Nano))
	cmd.Stderr = os.Stderr
	said, err := cmd.Output()
	if err != nil {
		return p, err
	}
	return p, json.Unmarshal(said, &p)
}

// runPass is the process of one pass. It is told when to stop to make up for
// disturbed rounds.
func runPass(until string) (err error) {
	if patience, err = time.Parse(time.RFC3339Nano, until); err != nil {
		return err
	}
	var all []figure
	for _, race := range races {
		figures, err := race()
		if err != nil {
			return err
		}
		all = append(all, figures...)
	}
	return json.NewEncoder(os.Stdout).Encode(pass{all, census})
}
