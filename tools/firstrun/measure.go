package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// figures are the results of one commit.
type figures struct {
	first, build         time.Duration // processor time
	firstBytes, modBytes int64         // of module archives
	binary               int64         // bytes
	start                time.Duration // processor time
}

// measurement is about one commit.
type measurement struct {
	folder   string // for the clone, the caches and the binary
	progress io.Writer
}

// clone clones a repository into the folder, at a commit.
func (m *measurement) clone(repository, commit string) error {
	root, err := output(exec.Command("git", "-C", repository, "rev-parse", "--show-toplevel"))
	if err != nil {
		return err
	}
	id, err := output(exec.Command("git", "-C", repository, "rev-parse", "--verify", commit+"^{commit}"))
	if err != nil {
		return err
	}
	clone := filepath.Join(m.folder, "clone")
	if _, err := output(exec.Command("git", "clone", "--quiet", "--shared", "--no-checkout", strings.TrimSpace(root), clone)); err != nil {
		return err
	}
	_, err = output(exec.Command("git", "-C", clone, "checkout", "--quiet", "--detach", strings.TrimSpace(id)))
	return err
}

// measure runs the first command of README and builds mss, and returns the path of it.
func (m *measurement) measure() (f figures, binary string, err error) {
	readme, err := os.ReadFile(filepath.Join(m.folder, "clone", "README.md"))
	if err != nil {
		return f, "", err
	}
	first, err := firstCommand(string(readme))
	if err != nil {
		return f, "", err
	}
	var out string
	if out, f.first, f.firstBytes, err = m.run("first", first); err != nil {
		return f, "", err
	}
	if !strings.Contains(out, "hello") {
		return f, "", fmt.Errorf("%s: the output has no hello: %q", first, out)
	}
	environment, err := buildEnvironment(string(readme))
	if err != nil {
		return f, "", err
	}
	binary = filepath.Join(m.folder, "mss")
	if _, f.build, f.modBytes, err = m.run("build", environment+"go build -o "+binary+" ./cmd/mss"); err != nil {
		return f, "", err
	}
	info, err := os.Stat(binary)
	if err != nil {
		return f, "", err
	}
	f.binary = info.Size()
	return f, binary, nil
}

// firstCommand returns the first indented line of README that calls the go command,
// without its prompt.
func firstCommand(readme string) (string, error) {
	for line := range strings.Lines(readme) {
		command, indented := strings.CutPrefix(line, "    ")
		if indented && strings.Contains(command, "go run ") {
			return strings.TrimSpace(strings.TrimPrefix(command, "$ ")), nil
		}
	}
	return "", errors.New("README.md has no indented line with go run")
}

var build = regexp.MustCompile(`((?:[A-Z_]+=\S+ )*)go (?:install|build -o mss) \./cmd/mss(?:[^\w/]|$)`)

// buildEnvironment returns the variables of the first command in README that builds mss, as
// the beginning of a shell command.
func buildEnvironment(readme string) (string, error) {
	found := build.FindStringSubmatch(readme)
	if found == nil {
		return "", errors.New("README.md does not say how to build mss")
	}
	return found[1], nil
}

// run runs a shell command in the clone with empty caches, which it removes afterwards. It
// returns the standard output, the processor time, and the bytes that were downloaded.
func (m *measurement) run(name, command string) (out string, used time.Duration, downloaded int64, err error) {
	fmt.Fprintln(m.progress, command)
	caches := filepath.Join(m.folder, name)
	defer os.RemoveAll(caches)
	modules := filepath.Join(caches, "modules")
	cmd := exec.Command("sh", "-c", command)
	cmd.Dir = filepath.Join(m.folder, "clone")
	cmd.Env = append(os.Environ(), "GOCACHE="+filepath.Join(caches, "build"), "GOMODCACHE="+modules,
		"GOWORK=", "GOFLAGS="+strings.TrimSpace(os.Getenv("GOFLAGS")+" -modcacherw"))
	if out, err = output(cmd); err != nil {
		return "", 0, 0, err
	}
	downloaded, err = archives(modules)
	return out, processorTime(cmd.ProcessState), downloaded, err
}

func processorTime(s *os.ProcessState) time.Duration { return s.UserTime() + s.SystemTime() }

// archives returns the sum of the sizes of the module archives in a module cache.
func archives(cache string) (sum int64, err error) {
	err = filepath.WalkDir(filepath.Join(cache, "cache", "download"), func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // nothing was downloaded
		}
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".zip" {
			return err
		}
		info, err := entry.Info()
		if err == nil {
			sum += info.Size()
		}
		return err
	})
	return sum, err
}

// startTimes starts both binaries n times, in turns, and returns the medians of their
// processor times.
func startTimes(binaries [2]string, n int) (medians [2]time.Duration, err error) {
	var all [2][]time.Duration
	for range n {
		for i, binary := range binaries {
			cmd := exec.Command(binary, "version")
			if err := cmd.Run(); err != nil {
				return medians, fmt.Errorf("%s version: %w", binary, err)
			}
			all[i] = append(all[i], processorTime(cmd.ProcessState))
		}
	}
	return [2]time.Duration{median(all[0]), median(all[1])}, nil
}

// median returns the middle value, or the higher one of two.
func median[T cmp.Ordered](values []T) T {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}
