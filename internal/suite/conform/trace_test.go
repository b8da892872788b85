package conform_test

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/conform"
)

// This file checks that every sentence and every rule has a case that fails when it is
// broken, and writes docs/conformance-trace.md.

const tracePath = "../../../docs/conformance-trace.md"

// inside are the tests of the library for sentences and rules that do not show on the wire,
// or only when the party under test changes.
var inside = map[string][]string{
	"C13": {"TestResponderMatches"},
	"C15": {"TestResponderChanges", "TestResponderChangesWhileReading"},
	"C16": {"TestResponderChanges"},
	"V3":  {"TestConsumeFailures"},
	"R15": {"TestResponderMatches"},
	"R16": {"TestResponderChanges", "TestResponderChangesWhileReading"},
	"R17": {"TestTortureWrite", "TestLazyFireAndForget", "TestResetRequest"},
	"R26": {"TestHalfOpenAnnouncement"},
	"R28": {"TestPeerWritesFirst"},
	"R29": {"TestGuardExhaustively", "TestGuardedReachesNobody"},
	"R31": {"TestLazyClose"},
	"R32": {"TestOneShot"},
}

func allCases() []*conform.Case {
	return append(conform.Cases(multiselect.Responder), conform.Cases(multiselect.Initiator)...)
}

func label(c *conform.Case) string { return c.Role.String() + " " + c.ID }

// killed maps each case, by its label, to the mutants that it catches, and each
// mutant to its rule.
func killed(t *testing.T) (byCase map[string][]string, rules map[string]string) {
	rules = make(map[string]string)
	for _, m := range responderMutants {
		rules["responder: "+m.name] = m.rule
	}
	for _, m := range initiatorMutants {
		rules["initiator: "+m.name] = m.rule
	}
	byCase = make(map[string][]string)
	for name, ids := range readGolden(t) {
		if rules[name] == "" {
			t.Errorf("%s has no mutant %q any more", goldenPath, name)
		}
		role, _, _ := strings.Cut(name, ":")
		for _, id := range strings.Fields(ids) {
			byCase[role+" "+id] = append(byCase[role+" "+id], name)
		}
	}
	return byCase, rules
}

// demanded are the cases about a sentence or a rule.
func demanded(q conform.Requirement) (cases []*conform.Case) {
	for _, c := range allCases() {
		quoted := slices.ContainsFunc(c.Requirements, func(r conform.Requirement) bool { return r.Key == q.Key })
		if quoted || slices.Contains(c.Rules, q.Key) {
			cases = append(cases, c)
		}
	}
	return cases
}

// Every case that can fail does fail for some mutant: a check that cannot fail is none.
func TestEveryCaseCatches(t *testing.T) {
	byCase, _ := killed(t)
	for _, c := range allCases() {
		if c.Level != conform.LevelInfo && c.Level != conform.LevelMay && len(byCase[label(c)]) == 0 {
			t.Errorf("no mutant is caught by %s: %s", label(c), c.Title)
		}
	}
}

// Every sentence and rule has a case that catches a mutant, and every rule one
// that catches a mutant of this very rule; or it is tested inside.
func TestEveryRequirementIsChecked(t *testing.T) {
	byCase, rules := killed(t)
	tests := libraryTests(t)
	for _, q := range conform.Requirements() {
		for _, name := range inside[q.Key] {
			if !slices.Contains(tests, name) {
				t.Errorf("%s is listed as tested by %s, which does not exist", q.Key, name)
			}
		}
		caught := false
		for _, c := range demanded(q) {
			caught = caught || slices.ContainsFunc(byCase[label(c)], func(mutant string) bool {
				return q.Key[0] != 'R' || rules[mutant] == q.Key
			})
		}
		if !caught && inside[q.Key] == nil {
			t.Errorf("no case catches a mutant of %s: %s", q.Key, q.Text)
		}
	}
}

// The rules are those of docs/protocol.md, word for word; -update copies them.
func TestRulesAreTheDocumented(t *testing.T) {
	text, err := os.ReadFile("../../../docs/protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	rules := make(map[string]string)
	for _, row := range regexp.MustCompile(`(?m)^\| \*\*(R\d+)\*\* \| (.*?) \| .*\|$`).FindAllStringSubmatch(string(text), -1) {
		rules[row[1]] = row[2]
	}
	if len(rules) < 32 {
		t.Errorf("docs/protocol.md has %d rules", len(rules))
	}
	if *update {
		updateRules(t, rules)
	}
	for _, q := range conform.Requirements() {
		if q.Key[0] != 'R' {
			continue
		}
		if rules[q.Key] != q.Text {
			t.Errorf("%s is %q in docs/protocol.md and %q in cases/sentences.txt", q.Key, rules[q.Key], q.Text)
		}
		delete(rules, q.Key)
	}
	for key := range rules {
		t.Errorf("%s is missing in cases/sentences.txt", key)
	}
}

// updateRules copies the rules to cases/sentences.txt. This run still has the old ones.
func updateRules(t *testing.T, rules map[string]string) {
	t.Helper()
	const path = "../../../conform/cases/sentences.txt"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	for i, line := range lines {
		if fields := strings.SplitN(line, " ", 3); len(fields) == 3 && rules[fields[0]] != "" {
			lines[i] = fields[0] + " " + fields[1] + " " + rules[fields[0]]
		}
	}
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestTrace compares docs/conformance-trace.md with its sources.
func TestTrace(t *testing.T) {
	cited := enforcers(t)
	byCase, _ := killed(t)
	var b strings.Builder
	b.WriteString(traceHead)
	for _, q := range conform.Requirements() {
		cases := demanded(q)
		rules := []string{q.Key}
		if q.Key[0] != 'R' {
			rules = nil
			for _, c := range cases {
				if !slices.Contains(rules, c.Rules[0]) {
					rules = append(rules, c.Rules[0])
				}
			}
		}
		var files []string
		for _, r := range rules {
			files = append(files, cited[r]...)
		}
		slices.Sort(files)
		if files = slices.Compact(files); len(files) == 0 && (q.Key[0] == 'R' || inside[q.Key] == nil) {
			t.Errorf("no code cites %s: %s", q.Key, q.Text)
		}
		mutants := make(map[string]bool)
		for _, c := range cases {
			for _, m := range byCase[label(c)] {
				mutants[m] = true
			}
		}
		fmt.Fprintf(&b, "| **%s** %v | %s | %s | %d | %s |\n", q.Key, q.Level, strings.ReplaceAll(q.Text, "|", `\|`),
			caseList(q.Key, cases), len(mutants), strings.Join(files, ", "))
	}
	if *update {
		if err := os.WriteFile(tracePath, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(tracePath); err != nil || string(got) != b.String() {
		t.Errorf("%s is not up to date (%v): go test ./internal/suite/conform -run Trace -update", tracePath, err)
	}
}

const traceHead = `# From sentences to cases

Written by ` + "`go test ./internal/suite/conform -run TestTrace -update`" + `; a test fails when it is not up
to date, when a sentence or a rule has no case that fails if it is broken, and when
a case fails for no mutant. The keys C are sentences of the
[connections specification](https://github.com/libp2p/specs/blob/master/connections/README.md),
M of [multistream-select](https://github.com/multiformats/multistream-select), V of
[unsigned-varint](https://github.com/multiformats/unsigned-varint), R the rules of
[protocol.md](protocol.md). «Mutants» is how many of the broken parties in
` + "`internal/suite/conform/testdata/mutants.txt`" + ` the cases catch; «code» are the files whose comments
cite the rules. Tests in brackets are tests of the library, for effects that the wire does not show.

| | sentence | cases | mutants | code |
|---|---|---|---|---|
`

// caseList lists cases by role, and the tests inside.
func caseList(key string, cases []*conform.Case) string {
	var lists []string
	for _, role := range []multiselect.Role{multiselect.Responder, multiselect.Initiator} {
		var ids []string
		for _, c := range cases {
			if c.Role == role {
				ids = append(ids, c.ID)
			}
		}
		if ids != nil {
			lists = append(lists, role.String()+": "+strings.Join(ids, ", "))
		}
	}
	for _, name := range inside[key] {
		lists = append(lists, "["+name+"]")
	}
	return strings.Join(lists, "; ")
}
