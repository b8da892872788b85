package repo

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rhysd/actionlint"
	"golang.org/x/mod/modfile"
)

// root is the checkout.
const root = "../.."

// git returns the output of a git command.
func git(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, &stderr)
	}
	return string(out)
}

// files returns the files that git knows, or will know after "git add -A".
func files(t *testing.T) []string {
	t.Helper()
	list := git(t, "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate")
	names := strings.Split(strings.TrimRight(list, "\x00"), "\x00")
	return slices.DeleteFunc(names, func(name string) bool {
		_, err := os.Stat(filepath.Join(root, name))
		return err != nil // deleted, and not yet committed
	})
}

// named returns the files with a name, such as go.mod, outside of testdata.
func named(t *testing.T, base string) (names []string) {
	t.Helper()
	for _, name := range files(t) {
		if filepath.Base(name) == base && !strings.Contains(name, "testdata/") {
			names = append(names, name)
		}
	}
	if names == nil {
		t.Fatalf("there is no %s", base)
	}
	return names
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// A clone has the same bytes where git is configured as it is on Windows.
func TestEndsOfLines(t *testing.T) {
	scratch := t.TempDir()
	index := filepath.Join(scratch, "index")
	for _, args := range [][]string{
		{"read-tree", "HEAD"},
		{"add", "-A"},
		{"-c", "core.autocrlf=true", "checkout-index", "-a", "--prefix=" + scratch + "/out/"},
	} {
		cmd := exec.Command("git", args...)
		cmd.Dir = root
		cmd.Env = append(os.Environ(), "GIT_INDEX_FILE="+index)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", cmd, err, out)
		}
	}
	for _, name := range files(t) {
		got, err := os.ReadFile(filepath.Join(scratch, "out", name))
		if err != nil {
			t.Error(err)
		} else if !bytes.Equal(got, read(t, name)) {
			t.Errorf("%s has other bytes in a clone on Windows: give it an attribute in .gitattributes", name)
		}
	}
}

func TestWorkflows(t *testing.T) {
	var out bytes.Buffer
	l, err := actionlint.NewLinter(&out, &actionlint.LinterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	problems, err := l.LintRepository(root)
	if err != nil || len(problems) > 0 {
		t.Errorf("%v\n%s", err, &out)
	}
}

var (
	step = regexp.MustCompile(`(?m)^ *(?:- )?(uses|run): (.*)$`)
	pin  = regexp.MustCompile(`^[\w./-]+@[0-9a-f]{40} # v\d`)
)

// Workflows run scripts of this repository, and actions that are pinned to a commit.
func TestSteps(t *testing.T) {
	checked := 0
	for _, name := range files(t) {
		if !strings.HasPrefix(name, ".github/workflows/") {
			continue
		}
		for _, m := range step.FindAllStringSubmatch(string(read(t, name)), -1) {
			checked++
			if what := m[2]; m[1] == "uses" {
				if !pin.MatchString(what) {
					t.Errorf("%s: uses: %s: not pinned, as in owner/name@COMMIT # v1.2.3", name, what)
				}
			} else if info, err := os.Stat(filepath.Join(root, what)); err != nil || !info.Mode().IsRegular() || info.Mode()&0o111 == 0 {
				t.Errorf("%s: run: %s: not a script of this repository", name, what)
			}
		}
	}
	if checked == 0 {
		t.Error("there are no steps")
	}
}

// A user of the first Go of the series does not download another one.
func TestGoVersions(t *testing.T) {
	const series = "1.26.0"
	for _, name := range append(named(t, "go.mod"), "go.work") {
		parse := func() (*modfile.Go, *modfile.Toolchain, error) {
			if name == "go.work" {
				f, err := modfile.ParseWork(name, read(t, name), nil)
				if err != nil {
					return nil, nil, err
				}
				return f.Go, f.Toolchain, nil
			}
			f, err := modfile.Parse(name, read(t, name), nil)
			if err != nil {
				return nil, nil, err
			}
			return f.Go, f.Toolchain, nil
		}
		version, toolchain, err := parse()
		switch {
		case err != nil:
			t.Error(err)
		case toolchain != nil:
			t.Errorf("%s has a line toolchain %s", name, toolchain.Name)
		case version == nil || version.Version != series:
			t.Errorf("%s: the line go is not go %s", name, series)
		}
	}
}

// Every module that requires others is updated, and so are those of other languages.
func TestDependencyUpdates(t *testing.T) {
	var want []string
	for _, base := range []string{"go.mod", "package.json", "Cargo.toml", "requirements.txt"} {
		for _, name := range named(t, base) {
			if base != "go.mod" || bytes.Contains(read(t, name), []byte("\nrequire ")) {
				want = append(want, "/"+filepath.ToSlash(filepath.Dir(name)))
			}
		}
	}
	var have []string
	for _, m := range regexp.MustCompile(`(?m)^ +- (/.+)$`).FindAllSubmatch(read(t, ".github/dependabot.yml"), -1) {
		have = append(have, string(m[1]))
	}
	slices.Sort(want)
	slices.Sort(have)
	if !slices.Equal(have, want) {
		t.Errorf(".github/dependabot.yml has the directories\n%q, want\n%q", have, want)
	}
}

// The other languages have exact versions, too.
func TestLockFiles(t *testing.T) {
	for manifest, lock := range map[string]string{"package.json": "package-lock.json", "Cargo.toml": "Cargo.lock"} {
		known := named(t, lock)
		for _, name := range named(t, manifest) {
			if want := filepath.Join(filepath.Dir(name), lock); !slices.Contains(known, want) {
				t.Errorf("%s has no %s", name, lock)
			}
		}
	}
	requirement := regexp.MustCompile(`^[\w.-]+==[\w.]+( ;.*)?$`)
	for _, name := range named(t, "requirements.txt") {
		for line := range strings.Lines(string(read(t, name))) {
			line = strings.TrimSuffix(line, "\n")
			if line != "" && line[0] != '#' && !requirement.MatchString(line) {
				t.Errorf("%s: %s: no exact version", name, line)
			}
		}
	}
}
