package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// findPackages returns the folders of the patterns that contain non-test Go files,
// relative to dir. A pattern without any is an error.
func findPackages(dir string, patterns []string) ([]string, error) {
	var found []string
	for _, pattern := range patterns {
		top, recursive := strings.CutSuffix(pattern, "/...")
		before := len(found)
		err := filepath.WalkDir(filepath.Join(dir, top), func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.IsDir() {
				return err
			}
			rel, err := filepath.Rel(dir, path)
			if err != nil {
				return err
			}
			rel = filepath.ToSlash(rel)
			if rel != top && (!recursive || isIgnored(d.Name())) {
				return fs.SkipDir
			}
			names, err := goFiles(path)
			if len(names) > 0 {
				found = append(found, rel)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
		if len(found) == before {
			return nil, fmt.Errorf("%s has no Go files", pattern)
		}
	}
	slices.Sort(found)
	return slices.Compact(found), nil
}

// isIgnored reports whether the go command ignores folders of this name.
func isIgnored(name string) bool {
	return name == "testdata" || name == "vendor" || name[0] == '.' || name[0] == '_'
}

// goFiles returns the names of the non-test Go files of a folder.
func goFiles(folder string) ([]string, error) {
	entries, err := os.ReadDir(folder)
	var names []string
	for _, e := range entries {
		name := e.Name()
		if !e.IsDir() && strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go") {
			names = append(names, name)
		}
	}
	return names, err
}

// findDocs returns the files of the list, and the Markdown files below its folders,
// relative to dir. An entry without any is an error.
func findDocs(dir string, list []string) ([]string, error) {
	var found []string
	for _, entry := range list {
		before := len(found)
		err := filepath.WalkDir(filepath.Join(dir, entry), func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() && strings.HasSuffix(path, ".md") {
				rel, _ := filepath.Rel(dir, path)
				found = append(found, filepath.ToSlash(rel))
			}
			return err
		})
		if err != nil {
			return nil, err
		}
		if len(found) == before {
			return nil, fmt.Errorf("%s has no Markdown files", entry)
		}
	}
	return found, nil
}
