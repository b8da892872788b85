package main

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
)

//go:embed deviations.json
var deviationsFile []byte

// explained is a deviation that is known: in which cells, what is seen there,
// whose it is and why. Every one of its cells must be seen; when one no longer
// is, the entry must go.
type explained struct {
	Initiators, Responders, Scenarios []string
	Seen                              string
	Reason, Upstream                  string
}

func (e *explained) covers(c cell) bool {
	return slices.Contains(e.Initiators, c.Initiator) && slices.Contains(e.Responders, c.Responder) &&
		slices.Contains(e.Scenarios, c.Scenario)
}

func readDeviations(text []byte) (known []explained, err error) {
	if err := json.Unmarshal(text, &known); err != nil {
		return nil, err
	}
	for n, e := range known {
		if e.Reason == "" || e.Upstream == "" {
			return nil, fmt.Errorf("deviation %d has no reason or no upstream reference", n)
		}
		for _, name := range slices.Concat(e.Initiators, e.Responders) {
			if _, err := find(name); err != nil {
				return nil, fmt.Errorf("deviation %d: %w", n, err)
			}
		}
		for _, name := range e.Scenarios {
			if !slices.ContainsFunc(scenarios, func(s scenario) bool { return s.name == name }) {
				return nil, fmt.Errorf("deviation %d: no scenario %q", n, name)
			}
		}
	}
	return known, nil
}

// explain turns failed cells that are known into deviations, and returns what is
// wrong all the same: what is not explained, and what is explained and not seen.
func explain(cells []cell, known []explained) (wrong []string) {
	for n := range cells {
		c := &cells[n]
		for i := range known {
			if !known[i].covers(*c) {
				continue
			}
			if c.State != failed || c.Seen != known[i].Seen {
				wrong = append(wrong, fmt.Sprintf("%s with %s, %s: expected the deviation %q, saw %s %q",
					c.Initiator, c.Responder, c.Scenario, known[i].Seen, c.State, c.Seen))
				continue
			}
			c.State, c.Why = deviation, known[i].Reason
		}
		if c.State == failed {
			wrong = append(wrong, fmt.Sprintf("%s with %s, %s: %s\n%s", c.Initiator, c.Responder, c.Scenario, c.Seen, c.Wire))
		}
	}
	return wrong
}
