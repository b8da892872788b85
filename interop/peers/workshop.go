package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
)

// workshop builds the programs. What came from a registry stays in the user's
// cache directory, in a folder that is named after the file that names the
// versions; the programs themselves are of this run.
type workshop struct{ cache, dir string }

func newWorkshop() (*workshop, error) {
	caches, err := os.UserCacheDir()
	if err != nil {
		return nil, err
	}
	w := &workshop{cache: filepath.Join(caches, "multiselect-peers")}
	if err := os.MkdirAll(w.cache, 0o755); err != nil {
		return nil, err
	}
	w.dir, err = os.MkdirTemp("", "peers")
	return w, err
}

// close removes the programs.
func (w *workshop) close() { os.RemoveAll(w.dir) }

// errMissing is a tool that is not installed.
var errMissing = errors.New("is not installed")

// make builds a peer's program and returns how it is run.
func (w *workshop) make(p peer) ([]string, error) {
	for _, tool := range p.tools {
		if _, err := exec.LookPath(tool); err != nil {
			return nil, fmt.Errorf("%s %w", tool, errMissing)
		}
	}
	return p.build(w)
}

// run runs a step of a build in a folder.
func (w *workshop) run(folder string, env []string, args ...string) error {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir, cmd.Env = folder, append(os.Environ(), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%v: %w\n%s", cmd, err, out)
	}
	return nil
}

// once fills a folder, unless it was filled before from the same recipe. It is
// filled beside its place and then moved there, so that it is never half full.
func (w *workshop) once(name, recipe string, fill func(folder string) error) (folder string, err error) {
	text, err := os.ReadFile(recipe)
	if err != nil {
		return "", err
	}
	folder = filepath.Join(w.cache, fmt.Sprintf("%s-%x", name, sha256.Sum256(text))[:len(name)+13])
	if _, err := os.Stat(folder); err == nil {
		return folder, nil
	}
	aside, err := os.MkdirTemp(w.cache, name)
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(aside)
	if err := fill(aside); err != nil {
		return "", err
	}
	if err := os.Rename(aside, folder); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", err
	}
	return folder, nil
}

// inGo builds a program of this module.
func inGo(name string) func(*workshop) ([]string, error) {
	return func(w *workshop) ([]string, error) {
		program, err := w.goBuild(".", name, "./program/"+name)
		return []string{program}, err
	}
}

// goBuild builds with the race detector what is tested with it.
func (w *workshop) goBuild(folder, name, pkg string) (program string, err error) {
	program = filepath.Join(w.dir, name)
	args := []string{"go", "build", "-o", program}
	if info, ok := debug.ReadBuildInfo(); ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"}) {
		args = append(args, "-race")
		os.Setenv("GORACE", "atexit_sleep_ms=0") // else every process sleeps for a second at its end
	}
	return program, w.run(folder, []string{"GOWORK=off"}, append(args, pkg)...)
}

// buildMSS builds the tool and the program that runs it.
func buildMSS(w *workshop) ([]string, error) {
	tool, err := w.goBuild("../../cmd/mss", "tool", ".")
	if err != nil {
		return nil, err
	}
	os.Setenv("MSS", tool) // for the program, and nobody else knows the name
	return inGo("mss")(w)
}

func buildRust(w *workshop) ([]string, error) {
	target := filepath.Join(w.cache, "rust")
	err := w.run("program/rust", []string{"CARGO_TARGET_DIR=" + target}, "cargo", "build", "--release", "--quiet")
	if err != nil {
		return nil, err
	}
	program := filepath.Join(w.dir, "rust")
	return []string{program}, copyFile(program, filepath.Join(target, "release", "peer"), 0o755)
}

// buildJS puts the program beside the packages, because that is where Node.js
// looks for them.
func buildJS(w *workshop) ([]string, error) {
	packages, err := w.once("js", "program/js/package-lock.json", func(folder string) error {
		for _, name := range []string{"package.json", "package-lock.json"} {
			if err := copyFile(filepath.Join(folder, name), filepath.Join("program/js", name), 0o644); err != nil {
				return err
			}
		}
		return w.run(folder, nil, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent")
	})
	if err != nil {
		return nil, err
	}
	folder := filepath.Join(w.dir, "js")
	if err := os.Mkdir(folder, 0o755); err != nil {
		return nil, err
	}
	for _, name := range []string{"package.json", "peer.js", "polyfill.js"} {
		if err := copyFile(filepath.Join(folder, name), filepath.Join("program/js", name), 0o644); err != nil {
			return nil, err
		}
	}
	err = os.Symlink(filepath.Join(packages, "node_modules"), filepath.Join(folder, "node_modules"))
	return []string{"node", filepath.Join(folder, "peer.js")}, err
}

func buildPython(w *workshop) ([]string, error) {
	program, err := filepath.Abs("program/python/peer.py")
	if err != nil {
		return nil, err
	}
	folder, err := w.once("python", "program/python/requirements.txt", func(folder string) error {
		requirements, err := filepath.Abs("program/python/requirements.txt")
		if err != nil {
			return err
		}
		if err := w.run(folder, nil, "python3", "-m", "venv", "."); err != nil {
			return err
		}
		return w.run(folder, nil, "bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
			"--no-deps", "--requirement="+requirements)
	})
	return []string{filepath.Join(folder, "bin", "python"), program}, err
}

func copyFile(to, from string, mode os.FileMode) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, text, mode)
}
