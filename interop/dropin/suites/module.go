package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

const (
	replaced = "github.com/multiformats/go-multistream"
	core     = "github.com/multiselect/multiselect"
)

// module is a copy of a module, with a go.mod for each side.
type module struct {
	dir            string
	original, ours string // what -modfile is to be
}

func prepare(dir, path, version string) (m module, err error) {
	out, err := command(dir, "mod", "download", "-json", path+"@"+version)
	if err != nil {
		return m, err
	}
	var downloaded struct{ Dir string }
	if err := json.Unmarshal(out, &downloaded); err != nil {
		return m, err
	}
	m = module{filepath.Join(dir, "module"), filepath.Join(dir, "original.mod"), filepath.Join(dir, "ours.mod")}
	if err := copyTree(m.dir, downloaded.Dir); err != nil {
		return m, err
	}
	for _, modfile := range []string{m.original, m.ours} {
		for from, to := range map[string]string{"go.mod": modfile, "go.sum": strings.TrimSuffix(modfile, "mod") + "sum"} {
			content, err := os.ReadFile(filepath.Join(m.dir, from))
			if err == nil {
				err = os.WriteFile(to, content, 0o666)
			}
			if err != nil {
				return m, err
			}
		}
	}
	root, err := checkout()
	if err == nil {
		_, err = command(dir, "mod", "edit", "-replace", replaced+"="+filepath.Join(root, "gomultistream"), "-replace", core+"="+root, m.ours)
	}
	return m, err
}

// checkout finds the root of this repository, which this program is run in.
func checkout() (string, error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", core).Output()
	return strings.TrimSpace(string(out)), err
}

// copyTree copies what the module cache has, which cannot be written to.
func copyTree(to, from string) error {
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		return err
	}
	return filepath.WalkDir(to, func(path string, entry os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		return os.Chmod(path, info.Mode().Perm()|0o200)
	})
}

func command(dir string, args ...string) ([]byte, error) {
	cmd := exec.Command("go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod")
	out, err := cmd.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		err = fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, exit.Stderr)
	}
	return out, err
}

// result is how a test or a package ended.
type result struct {
	modfile, pkg, test string
	action             string // pass, fail or skip
	output             string
}

type results map[string]result // by package, or by package.test

// test runs packages, or one test of one of them.
func (m module) test(modfile string, packages []string, only string) (results, error) {
	args := append([]string{"test", "-json", "-count=1", "-p=1", "-timeout=4m", "-modfile=" + modfile}, packages...)
	if only != "" {
		args = append(args, "-run=^"+regexp.QuoteMeta(only)+"$")
	}
	out, err := command(m.dir, args...)
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
func (m module) onlyWanted(pkg string, original, ours results) bool {
	for name, r := range ours {
		if _, isWanted := wanted[name]; r.pkg == pkg && r.test != "" && r.action == "fail" && original[name].action != "fail" && !isWanted {
			return false
		}
	}
	return original[pkg].action == "pass" && ours[pkg].action == "fail"
}

// isFlaky runs a test again on both sides until a result was seen on both.
func (m module) isFlaky(a, b result, repeat int) bool {
	pkg := "./" + strings.TrimPrefix(strings.TrimPrefix(max(a.pkg, b.pkg), m.path()), "/")
	top, _, _ := strings.Cut(max(a.test, b.test), "/")
	seen := map[string]int{a.action: 1}
	seen[b.action] |= 2
	name := max(a.pkg, b.pkg) + "." + max(a.test, b.test)
	if top == "" {
		return false
	}
	for range repeat {
		for side, modfile := range []string{m.original, m.ours} {
			again, err := m.test(modfile, []string{pkg}, top)
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
func (m module) path() string {
	out, _ := command(m.dir, "list", "-m")
	return strings.TrimSpace(string(out))
}
