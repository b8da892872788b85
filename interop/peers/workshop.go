package main

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
)

// workshop builds the programs. What it makes stays in the user's cache
// directory; what came from a registry is in a folder that is named after the
// file that names the versions.
type workshop struct{ dir string }

func newWorkshop() (*workshop, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return nil, err
	}
	w := &workshop{filepath.Join(cache, "multiselect-peers")}
	return w, os.MkdirAll(w.dir, 0o755)
}

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
	folder = filepath.Join(w.dir, fmt.Sprintf("%s-%x", name, sha256.Sum256(text))[:len(name)+13])
	if _, err := os.Stat(folder); err == nil {
		return folder, nil
	}
	aside, err := os.MkdirTemp(w.dir, name)
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
		program := filepath.Join(w.dir, name)
		return []string{program}, w.run(".", []string{"GOWORK=off"}, "go", "build", "-o", program, "./program/"+name)
	}
}

// buildMSS builds the tool and the program in front of it.
func buildMSS(w *workshop) ([]string, error) {
	tool := filepath.Join(w.dir, "tool-mss")
	if err := w.run("../../cmd/mss", []string{"GOWORK=off"}, "go", "build", "-o", tool, "."); err != nil {
		return nil, err
	}
	os.Setenv("MSS", tool) // for the program, and nobody else knows the name
	return inGo("mss")(w)
}

func buildRust(w *workshop) ([]string, error) {
	target := filepath.Join(w.dir, "rust")
	err := w.run("program/rust", []string{"CARGO_TARGET_DIR=" + target}, "cargo", "build", "--release", "--quiet")
	return []string{filepath.Join(target, "release", "peer")}, err
}

// buildJS installs the packages, and puts the program among them, because that
// is where Node.js looks for them.
func buildJS(w *workshop) ([]string, error) {
	folder, err := w.once("js", "program/js/package-lock.json", func(folder string) error {
		if err := copyFiles(folder, "program/js/package.json", "program/js/package-lock.json"); err != nil {
			return err
		}
		return w.run(folder, nil, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent")
	})
	if err != nil {
		return nil, err
	}
	err = copyFiles(folder, "program/js/package.json", "program/js/peer.js", "program/js/polyfill.js")
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

// copyFiles leaves alone what is the same.
func copyFiles(folder string, files ...string) error {
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		to := filepath.Join(folder, filepath.Base(file))
		if have, err := os.ReadFile(to); err == nil && bytes.Equal(have, text) {
			continue
		}
		if err := os.WriteFile(to, text, 0o644); err != nil {
			return err
		}
	}
	return nil
}
