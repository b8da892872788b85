package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb/dirhash"

	"github.com/multiselect/multiselect/tools/internal/modarchive"
)

// A release is one version of the modules of a checkout.
type release struct {
	dir     string
	version string
	modules []*goModule // each after those that it requires
}

// A goModule is a published module.
type goModule struct {
	folder string // in the checkout, with slashes; "." for the root
	file   *modfile.File
}

// newRelease reads the published modules.
func newRelease(dir, version string) (*release, error) {
	r := &release{dir: dir, version: version}
	name := filepath.Join(dir, "go.work")
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	work, err := modfile.ParseWork(name, text, nil)
	if err != nil {
		return nil, err
	}
	var all []*goModule
	for _, use := range work.Use {
		folder := filepath.ToSlash(filepath.Clean(use.Path))
		if strings.HasPrefix(folder, "internal/") {
			continue
		}
		name := filepath.Join(dir, folder, "go.mod")
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		file, err := modfile.Parse(name, text, nil)
		if err != nil {
			return nil, err
		}
		all = append(all, &goModule{folder, file})
	}
	return r, r.sort(all)
}

// sort fills r.modules. It fails if modules require each other in a circle.
func (r *release) sort(all []*goModule) error {
	for len(all) > 0 {
		i := slices.IndexFunc(all, func(m *goModule) bool {
			return !slices.ContainsFunc(all, func(other *goModule) bool { return m.requires(other) != nil })
		})
		if i < 0 {
			return errors.New("the modules require each other in a circle")
		}
		r.modules = append(r.modules, all[i])
		all = slices.Delete(all, i, i+1)
	}
	return nil
}

// requires returns the line by which a module requires another, or nil.
func (m *goModule) requires(other *goModule) *modfile.Require {
	for _, line := range m.file.Require {
		if line.Mod.Path == other.file.Module.Mod.Path {
			return line
		}
	}
	return nil
}

// siblings returns the published modules that a module requires.
func (r *release) siblings(m *goModule) (found []*goModule) {
	for _, other := range r.modules {
		if m.requires(other) != nil {
			found = append(found, other)
		}
	}
	return found
}

// tag returns the name of the tag for a version of the module.
func (m *goModule) tag(version string) string {
	if m.folder == "." {
		return version
	}
	return m.folder + "/" + version
}

// sums returns the two lines of go.sum for the module as it is in the checkout.
func (r *release) sums(m *goModule) ([]string, error) {
	version := module.Version{Path: m.file.Module.Mod.Path, Version: r.version}
	archive, err := modarchive.Pack(r.dir, m.folder, version)
	if err != nil {
		return nil, err
	}
	temp, err := os.CreateTemp("", "release-*.zip")
	if err != nil {
		return nil, err
	}
	defer os.Remove(temp.Name())
	_, err = temp.Write(archive)
	if err = errors.Join(err, temp.Close()); err != nil {
		return nil, err
	}
	all, err := dirhash.HashZip(temp.Name(), dirhash.Hash1)
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(filepath.Join(r.dir, m.folder, "go.mod"))
	if err != nil {
		return nil, err
	}
	mod, err := dirhash.Hash1([]string{"go.mod"}, func(string) (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(text)), nil
	})
	if err != nil {
		return nil, err
	}
	return []string{
		fmt.Sprintf("%s %s %s", version.Path, version.Version, all),
		fmt.Sprintf("%s %s/go.mod %s", version.Path, version.Version, mod),
	}, nil
}

// readSums returns the lines of the module's go.sum; there may be no such file.
func (r *release) readSums(m *goModule) ([]string, error) {
	text, err := os.ReadFile(filepath.Join(r.dir, m.folder, "go.sum"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return strings.FieldsFunc(string(text), func(c rune) bool { return c == '\n' }), err
}

// prepare edits go.mod and go.sum of the modules, in order: the archive of a module has its
// go.sum, and so the hashes of those that it requires.
func (r *release) prepare() error {
	for _, m := range r.modules {
		siblings := r.siblings(m)
		if len(siblings) == 0 {
			continue
		}
		sums, err := r.readSums(m)
		if err != nil {
			return err
		}
		for _, other := range siblings {
			path := other.file.Module.Mod.Path
			if err := m.file.AddRequire(path, r.version); err != nil {
				return err
			}
			for _, line := range slices.Clone(m.file.Replace) {
				if line.Old.Path == path {
					if err := m.file.DropReplace(path, line.Old.Version); err != nil {
						return err
					}
				}
			}
			lines, err := r.sums(other)
			if err != nil {
				return err
			}
			sums = slices.DeleteFunc(sums, func(line string) bool { return strings.HasPrefix(line, path+" ") })
			sums = append(sums, lines...)
		}
		slices.Sort(sums)
		m.file.Cleanup()
		text, err := m.file.Format()
		if err != nil {
			return err
		}
		folder := filepath.Join(r.dir, m.folder)
		if err := os.WriteFile(filepath.Join(folder, "go.mod"), text, 0o644); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(folder, "go.sum"), []byte(strings.Join(sums, "\n")+"\n"), 0o644); err != nil {
			return err
		}
	}
	return nil
}
