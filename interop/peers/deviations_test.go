package main

import (
	"strings"
	"testing"
)

// TestExplain sees to it that the table of deviations can fail in both ways.
func TestExplain(t *testing.T) {
	known := []explained{{
		Initiators: []string{"a"}, Responders: []string{"b"}, Scenarios: []string{"ls"},
		Seen: "nonsense", Reason: "it does not read", Upstream: "a 1.0",
	}}
	for _, test := range []struct {
		name  string
		cell  cell
		want  string // part of what is wrong, "" for nothing
		state state
	}{
		{"explained", cell{"a", "b", "ls", failed, "nonsense", "", ""}, "", deviation},
		{"something else", cell{"a", "b", "ls", failed, "refused", "", ""}, `expected the deviation "nonsense"`, failed},
		{"no longer there", cell{"a", "b", "ls", agreed, "", "", ""}, `expected the deviation "nonsense"`, agreed},
		{"elsewhere", cell{"a", "c", "ls", failed, "nonsense", "", ""}, "a with c, ls: nonsense", failed},
		{"not at all", cell{"a", "c", "ls", agreed, "", "", ""}, "", agreed},
	} {
		t.Run(test.name, func(t *testing.T) {
			cells := []cell{test.cell}
			wrong := strings.Join(explain(cells, known), "\n")
			if (wrong == "") != (test.want == "") || !strings.Contains(wrong, test.want) {
				t.Errorf("wrong: %q, want %q", wrong, test.want)
			}
			if cells[0].State != test.state {
				t.Errorf("state %q, want %q", cells[0].State, test.state)
			}
		})
	}
	for _, text := range []string{
		`[{"initiators": ["js"], "seen": "nonsense", "upstream": "a 1.0"}]`,
		`[{"initiators": ["JS"], "seen": "nonsense", "reason": "why", "upstream": "a 1.0"}]`,
		`[{"scenarios": ["la"], "seen": "nonsense", "reason": "why", "upstream": "a 1.0"}]`,
	} {
		if _, err := readDeviations([]byte(text)); err == nil {
			t.Errorf("%s was accepted", text)
		}
	}
}
