package main

import "strings"

// library returns the folders of the packages that others can import, and of those on
// which they depend.
func library(packages map[string]*source) map[string]bool {
	found := make(map[string]bool)
	var visit func(folder string)
	visit = func(folder string) {
		if s := packages[folder]; s != nil && !found[folder] {
			found[folder] = true
			for _, other := range s.imports {
				visit(other)
			}
		}
	}
	for folder := range packages {
		switch top(folder) {
		case "cmd", "internal", "interop", "tools":
		default:
			visit(folder)
		}
	}
	return found
}

// isCore reports whether the lines of a folder count if it is part of the library.
func isCore(folder string) bool {
	switch top(folder) {
	case ".", "wire", "transcript", "internal":
		return true
	}
	return false
}

// top returns the first element of a path.
func top(folder string) string {
	first, _, _ := strings.Cut(folder, "/")
	return first
}
