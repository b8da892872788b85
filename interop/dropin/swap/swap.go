// Package swap prepares modules that use go-multistream to be built as they are and
// with gomultistream in its place.
package swap

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

const (
	replaced = "github.com/multiformats/go-multistream"
	core     = "github.com/multiselect/multiselect"
	language = "1.26.0" // gomultistream's
)

// Module is a copy of a module, with a go.mod for each side.
type Module struct {
	Dir            string
	Original, Ours string // what -modfile is to be
}

// Prepare copies a module out of the module cache into dir. There it has its own
// versions of everything but go-multistream and the language.
func Prepare(dir, path, version string) (m Module, err error) {
	out, err := Command(dir, "mod", "download", "-json", path+"@"+version)
	if err != nil {
		return m, err
	}
	var downloaded struct{ Dir string }
	if err := json.Unmarshal(out, &downloaded); err != nil {
		return m, err
	}
	m = Module{filepath.Join(dir, "module"), filepath.Join(dir, "original.mod"), filepath.Join(dir, "ours.mod")}
	if err := copyTree(m.Dir, downloaded.Dir); err != nil {
		return m, err
	}
	for _, modfile := range []string{m.Original, m.Ours} {
		for from, to := range map[string]string{"go.mod": modfile, "go.sum": strings.TrimSuffix(modfile, "mod") + "sum"} {
			content, err := os.ReadFile(filepath.Join(m.Dir, from))
			if err == nil {
				err = os.WriteFile(to, content, 0o666)
			}
			if err != nil {
				return m, err
			}
		}
		// What a program does depends on its go line (GODEBUG), which gomultistream raises.
		if _, err := Command(dir, "mod", "edit", "-go", language, modfile); err != nil {
			return m, err
		}
	}
	root, err := checkout()
	if err == nil {
		_, err = Command(dir, "mod", "edit", "-replace", replaced+"="+filepath.Join(root, "gomultistream"), "-replace", core+"="+root, m.Ours)
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

func Command(dir string, args ...string) ([]byte, error) {
	cmd := exec.Command("go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod")
	out, err := cmd.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		err = fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, exit.Stderr)
	}
	return out, err
}
