package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"
)

// checkVersion returns why the version cannot be one of the modules.
func (r *release) checkVersion() (reasons []string) {
	if semver.Canonical(r.version) != r.version || semver.Build(r.version) != "" {
		return []string{fmt.Sprintf("%q is no version such as v0.1.0", r.version)}
	}
	for _, m := range r.modules {
		if err := module.Check(m.file.Module.Mod.Path, r.version); err != nil {
			reasons = append(reasons, err.Error())
		}
	}
	return reasons
}

// check returns the reasons that speak against the tags.
func (r *release) check() (reasons []string, err error) {
	refuse := func(format string, args ...any) { reasons = append(reasons, fmt.Sprintf(format, args...)) }
	changed, err := r.git("status", "--porcelain")
	if err != nil {
		return nil, err
	}
	if changed != "" {
		refuse("git sees changes:\n%s", changed)
	}
	tags, err := r.git("tag", "--list")
	if err != nil {
		return nil, err
	}
	for _, m := range r.modules {
		if tag := m.tag(r.version); slices.Contains(strings.Split(tags, "\n"), tag) {
			refuse("the tag %s exists", tag)
		}
		of, err := r.checkModule(m)
		if err != nil {
			return nil, err
		}
		reasons = append(reasons, of...)
	}
	changelog, err := os.ReadFile(filepath.Join(r.dir, "CHANGELOG.md"))
	if err != nil {
		return nil, err
	}
	if !hasSection(string(changelog), strings.TrimPrefix(r.version, "v")) {
		refuse("CHANGELOG.md has no section \"## [%s] - YYYY-MM-DD\" with content", strings.TrimPrefix(r.version, "v"))
	}
	return reasons, nil
}

// checkModule returns what is wrong in go.mod and go.sum of a module.
func (r *release) checkModule(m *goModule) (reasons []string, err error) {
	name := filepath.ToSlash(filepath.Join(m.folder, "go.mod"))
	refuse := func(format string, args ...any) {
		reasons = append(reasons, name+": "+fmt.Sprintf(format, args...))
	}
	for _, line := range m.file.Replace {
		refuse("there is a replace of %s", line.Old.Path)
	}
	for _, line := range m.file.Exclude {
		refuse("there is an exclude of %s", line.Mod.Path)
	}
	if m.file.Toolchain != nil {
		refuse("there is a toolchain line")
	}
	have, err := r.readSums(m)
	if err != nil {
		return nil, err
	}
	for _, other := range r.siblings(m) {
		line := m.requires(other)
		if line.Mod.Version != r.version {
			refuse("it requires %s %s, not %s", line.Mod.Path, line.Mod.Version, r.version)
			continue
		}
		sums, err := r.sums(other)
		if err != nil {
			return nil, err
		}
		for _, sum := range sums {
			if !slices.Contains(have, sum) {
				refuse("go.sum has no line %q", sum)
			}
		}
	}
	return reasons, nil
}

// hasSection reports whether a changelog has a section for a version, with a date and lines.
func hasSection(changelog, version string) bool {
	heading := regexp.MustCompile(`(?m)^## \[` + regexp.QuoteMeta(version) + `\] - \d{4}-\d\d-\d\d$`)
	at := heading.FindStringIndex(changelog)
	if at == nil {
		return false
	}
	section, _, _ := strings.Cut(changelog[at[1]:], "\n## ")
	return regexp.MustCompile(`(?m)^- \S`).MatchString(section)
}
