// Command archive measures the archive of the root module, which the go command downloads
// for each user of the library.
//
//	go -C tools run ./archive [-max BYTES] [-v] [DIR]
//
// DIR is a checkout of the repository, by default the one around the folder tools. The
// archive is made from the files that git knows there, as the module proxy makes it: without
// the folders that have a go.mod file. -v also prints the bytes of each folder.
//
// The exit status is 0, or 1 above the limit, or 2 if the archive cannot be made.
package main

import (
	"archive/zip"
	"bytes"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"

	"github.com/multiselect/multiselect/tools/internal/modarchive"
)

// maxSize is 0.45 times the 753639 bytes of the archive of commit 4f382e5, by this count.
const maxSize = 339137

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run is the command; it returns the exit status.
func run(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("archive", flag.ContinueOnError)
	flags.SetOutput(stderr)
	limit := flags.Int("max", maxSize, "the number of `bytes` to allow")
	verbose := flags.Bool("v", false, "print the bytes of each folder")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	dir := ".."
	if flags.NArg() > 0 {
		dir = flags.Arg(0)
	}
	archive, prefix, err := pack(dir)
	if err != nil {
		fmt.Fprintln(stderr, "archive:", err)
		return 2
	}
	if *verbose {
		if err := list(stdout, archive, prefix); err != nil {
			fmt.Fprintln(stderr, "archive:", err)
			return 2
		}
	}
	fmt.Fprintf(stdout, "%7d  of at most %d\n", len(archive), *limit)
	if len(archive) > *limit {
		fmt.Fprintf(stderr, "archive: %d bytes are above the limit of %d\n", len(archive), *limit)
		return 1
	}
	return 0
}

// pack returns the archive of the module in dir, and the path that all its files begin with.
func pack(dir string) (archive []byte, prefix string, err error) {
	text, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil {
		return nil, "", err
	}
	version := module.Version{Path: modfile.ModulePath(text), Version: "v0.0.0"}
	archive, err = modarchive.Pack(dir, ".", version)
	return archive, version.String() + "/", err
}

// list prints the compressed bytes of each folder, the largest first.
func list(w io.Writer, archive []byte, prefix string) error {
	r, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		return err
	}
	sizes := make(map[string]uint64)
	for _, f := range r.File {
		sizes[path.Dir(strings.TrimPrefix(f.Name, prefix))] += f.CompressedSize64
	}
	folders := slices.SortedFunc(maps.Keys(sizes), func(a, b string) int {
		if sizes[a] != sizes[b] {
			return int(sizes[b]) - int(sizes[a])
		}
		return strings.Compare(a, b)
	})
	for _, folder := range folders {
		fmt.Fprintf(w, "%7d  %s\n", sizes[folder], folder)
	}
	return nil
}
