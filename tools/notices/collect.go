package main

import (
	"encoding/json"
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

	"github.com/google/licensecheck"
)

// A text is a licence or notice, with the modules that have it.
type text struct {
	words   string
	name    string   // SPDX, or "notice"
	modules []string // path and version, sorted
}

// systems are those for which the tool is built.
var systems = []string{"linux", "darwin", "windows"}

// minPercent is how much of a file has to be the text of a known licence.
const minPercent = 75

var (
	textName   = regexp.MustCompile(`(?i)^(licen[cs]e|copying|notice|copyright|patents)([-._].*)?$`)
	noticeName = regexp.MustCompile(`(?i)^(notice|copyright|patents)`)
)

// A goPackage is a package as "go list" prints it.
type goPackage struct {
	ImportPath string
	Dir        string
	Standard   bool
	Module     *struct {
		Path, Version, Dir string
		Main               bool
		Replace            *struct{ Version string }
	}
}

// collect returns the texts for the packages in the command in dir, sorted by their modules.
func collect(dir string) ([]*text, error) {
	folders := make(map[string][]string) // of a module, or of Go
	for _, system := range systems {
		packages, err := dependencies(dir, system)
		if err != nil {
			return nil, err
		}
		for _, p := range packages {
			name, found := ownerOf(&p)
			if found {
				folders[name] = append(folders[name], above(&p)...)
			}
		}
	}
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return nil, err
	}
	folders["Go, its runtime and standard library"] = []string{strings.TrimSpace(string(root))}

	byWords := make(map[string]*text)
	for name, dirs := range folders {
		slices.Sort(dirs)
		if err := read(byWords, name, slices.Compact(dirs)); err != nil {
			return nil, err
		}
	}
	var texts []*text
	for _, t := range byWords {
		slices.Sort(t.modules)
		texts = append(texts, t)
	}
	slices.SortFunc(texts, func(a, b *text) int {
		return strings.Compare(strings.Join(a.modules, "\n")+a.words, strings.Join(b.modules, "\n")+b.words)
	})
	return texts, nil
}

// dependencies returns the packages in the binary of a system.
func dependencies(dir, system string) (packages []goPackage, err error) {
	cmd := exec.Command("go", "list", "-deps", "-json=ImportPath,Dir,Standard,Module", ".")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOOS="+system, "GOARCH=amd64", "CGO_ENABLED=0")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	for list := json.NewDecoder(out); ; {
		var p goPackage
		if err := list.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, errors.Join(err, cmd.Wait())
		}
		packages = append(packages, p)
	}
	return packages, cmd.Wait()
}

// ownerOf returns the module of a package with its version. It returns false for Go's and
// for those of this repository, which are in a local folder.
func ownerOf(p *goPackage) (name string, found bool) {
	switch m := p.Module; {
	case p.Standard || m == nil || m.Main:
		return "", false
	case m.Replace != nil && m.Replace.Version == "":
		return "", false
	default:
		return m.Path + " " + m.Version, true
	}
}

// above returns the folder of a package, and those above it in its module.
func above(p *goPackage) (dirs []string) {
	for dir := p.Dir; ; dir = filepath.Dir(dir) {
		dirs = append(dirs, dir)
		if dir == p.Module.Dir || dir == filepath.Dir(dir) {
			return dirs
		}
	}
}

// read adds the texts in the folders of a module. It fails if no licence is known.
func read(byWords map[string]*text, module string, dirs []string) error {
	licensed := false
	for _, dir := range dirs {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if e.IsDir() || e.Type()&fs.ModeType != 0 || !textName.MatchString(e.Name()) || filepath.Ext(e.Name()) == ".go" {
				continue
			}
			raw, err := os.ReadFile(filepath.Join(dir, e.Name()))
			if err != nil {
				return err
			}
			name := ""
			if !noticeName.MatchString(e.Name()) {
				name = licence(raw)
			}
			licensed = licensed || name != ""
			if name == "" {
				name = "notice" // or a LICENSE that names two others
			}
			words := strings.Trim(strings.ReplaceAll(string(raw), "\r\n", "\n"), "\n")
			t := byWords[words]
			if t == nil {
				t = &text{words: words, name: name}
				byWords[words] = t
			}
			if !slices.Contains(t.modules, module) {
				t.modules = append(t.modules, module)
			}
		}
	}
	if !licensed {
		return fmt.Errorf("%s has no licence that is known", module)
	}
	return nil
}

// identifier is a line by which a file names the licences of others.
var identifier = regexp.MustCompile(`SPDX-License-Identifier: ([\w.+() -]+)`)

// licence returns the names of the licences in a text, or "" if most of it is not known.
func licence(raw []byte) string {
	if m := identifier.FindSubmatch(raw); m != nil {
		return strings.TrimSuffix(strings.TrimSpace(string(m[1])), " --")
	}
	cover := licensecheck.Scan(raw)
	if cover.Percent < minPercent {
		return ""
	}
	var names []string
	for _, m := range cover.Match {
		if !slices.Contains(names, m.ID) {
			names = append(names, m.ID)
		}
	}
	return strings.Join(names, ", ")
}

// document returns the texts as Markdown.
func document(texts []*text) string {
	var b strings.Builder
	b.WriteString("# Notices\n\n" +
		"The tool `mss` contains the modules below. Written by `GOWORK=off go -C tools run ./notices -update`;\n" +
		"`./check` fails when it is not up to date. The licence of mss itself is in LICENSE.\n")
	for _, t := range texts {
		fmt.Fprintf(&b, "\n## %s\n\n", t.name)
		for _, m := range t.modules {
			fmt.Fprintf(&b, "* %s\n", m)
		}
		b.WriteString("\n")
		for line := range strings.Lines(t.words + "\n") {
			b.WriteString(strings.TrimRight("    "+line, " \t\n") + "\n")
		}
	}
	return b.String()
}
