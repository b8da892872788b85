// Package modarchive makes the archives of the modules of a checkout, as the go command makes
// them from a tag.
package modarchive

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/module"
	modzip "golang.org/x/mod/zip"
)

// Pack returns the archive of the module in a folder of the checkout in dir, "." for the root
// module. It has the files that git knows, without those of other modules below the folder,
// and the LICENSE of the checkout if the folder has none.
func Pack(dir, folder string, version module.Version) ([]byte, error) {
	cmd := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate")
	cmd.Dir = filepath.Join(dir, folder)
	cmd.Stderr = os.Stderr
	names, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%v in %s: %w", cmd, cmd.Dir, err)
	}
	var files []modzip.File
	for name := range strings.SplitSeq(strings.TrimRight(string(names), "\x00"), "\x00") {
		f := file{cmd.Dir, name}
		if _, err := f.Lstat(); !errors.Is(err, fs.ErrNotExist) { // deleted, and not yet committed
			files = append(files, f)
		}
	}
	licensed := slices.ContainsFunc(files, func(f modzip.File) bool { return f.Path() == "LICENSE" })
	if root := (file{dir, "LICENSE"}); !licensed {
		if _, err := root.Lstat(); err == nil {
			files = append(files, root)
		}
	}
	var b bytes.Buffer
	err = modzip.Create(&b, version, files)
	return b.Bytes(), err
}

// A file is a file of a module.
type file struct{ dir, name string }

func (f file) Path() string                 { return f.name }
func (f file) Lstat() (fs.FileInfo, error)  { return os.Lstat(filepath.Join(f.dir, f.name)) }
func (f file) Open() (io.ReadCloser, error) { return os.Open(filepath.Join(f.dir, f.name)) }
