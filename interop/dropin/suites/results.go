package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/multiselect/multiselect/interop/dropin/swap"
)

// result is how a test or a package ended.
type result struct {
	modfile, pkg, test string
	action             string // pass, fail or skip
	output             string
}

type results map[string]result // by package, or by package.test

// test runs packages, or one test of one of them.
func test(m swap.Module, modfile string, packages []string, only string) (results, error) {
	args := append([]string{"test", "-json", "-count=1", "-p=1", "-timeout=4m", "-modfile=" + modfile}, packages...)
	if only != "" {
		args = append(args, "-run=^"+regexp.QuoteMeta(only)+"$")
	}
	out, err := swap.Command(m.Dir, args...)
	if err != nil && len(out) == 0 {
		return nil, err
	}
	all := results{}
	for line := range strings.Lines(string(out)) {
		var event struct{ Action, Package, Test, Output string }
		if json.Unmarshal([]byte(line), &event) != nil || event.Package == "" {
			continue
		}
		name := event.Package
		if event.Test != "" {
			name += "." + event.Test
		}
		r := all[name]
		r.modfile, r.pkg, r.test = modfile, event.Package, event.Test
		switch event.Action {
		case "output":
			r.output += event.Output
		case "pass", "fail", "skip":
			r.action = event.Action
		}
		all[name] = r
	}
	return all, nil
}

// count says how many there are of each kind.
func (r results) count() string {
	n := map[string]int{}
	for _, one := range r {
		if one.test != "" {
			n[one.action]++
		}
	}
	return fmt.Sprintf("%d pass, %d fail, %d skip", n["pass"], n["fail"], n["skip"])
}

func union(a, b results) []string {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return slices.Sorted(maps.Keys(all))
}

// onlyWanted reports whether a package fails with gomultistream for nothing but what
// is wanted.
func onlyWanted(pkg string, original, ours results) bool {
	for name, r := range ours {
		if _, isWanted := wanted[name]; r.pkg == pkg && r.test != "" && r.action == "fail" && original[name].action != "fail" && !isWanted {
			return false
		}
	}
	return original[pkg].action == "pass" && ours[pkg].action == "fail"
}

// isFlaky runs a test again on both sides until a result was seen on both.
func isFlaky(m swap.Module, a, b result, repeat int) bool {
	pkg := "./" + strings.TrimPrefix(strings.TrimPrefix(max(a.pkg, b.pkg), path(m)), "/")
	top, _, _ := strings.Cut(max(a.test, b.test), "/")
	seen := map[string]int{a.action: 1}
	seen[b.action] |= 2
	name := max(a.pkg, b.pkg) + "." + max(a.test, b.test)
	if top == "" {
		return false
	}
	for range repeat {
		for side, modfile := range []string{m.Original, m.Ours} {
			again, err := test(m, modfile, []string{pkg}, top)
			if err != nil {
				return false
			}
			action := again[name].action
			if seen[action] |= side + 1; seen[action] == 3 {
				return true
			}
		}
	}
	return false
}

// path is the path of the module.
func path(m swap.Module) string {
	out, _ := swap.Command(m.Dir, "list", "-m")
	return strings.TrimSpace(string(out))
}
