package conform

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/multiselect/multiselect"
)

// Files contains the cases as text in cases/responder/*.txt and cases/initiator/*.txt,
// the sentences that they quote in cases/sentences.txt, and a description of the format
// in cases/README.md.
//
//go:embed cases
var Files embed.FS

// Cases returns all cases of this package for parties with the role, in the order of the
// files.
func Cases(role multiselect.Role) []*Case {
	all := suite()
	if role == multiselect.Initiator {
		return slices.Clone(all.initiator)
	}
	return slices.Clone(all.responder)
}

// Requirements returns all sentences that cases can quote: first those of the
// specifications, in their order, and then the rules.
func Requirements() []Requirement { return slices.Clone(suite().sentences) }

// Parse reads cases for parties with the role from a text in the format of the files
// in [Files], which cases/README.md describes. [Options].Suite has them played. The
// sentences that they quote are those of [Requirements].
func Parse(role multiselect.Role, text string) ([]*Case, error) {
	return parse(role, text, suite().quote)
}

type suiteOf struct {
	responder, initiator []*Case
	sentences            []Requirement
}

func (s *suiteOf) quote(key string) (Requirement, bool) {
	i := slices.IndexFunc(s.sentences, func(q Requirement) bool { return q.Key == key })
	if i < 0 {
		return Requirement{}, false
	}
	return s.sentences[i], true
}

// The files are embedded, so an error in them is a bug, which the tests find.
var suite = sync.OnceValue(func() *suiteOf {
	s, err := load(Files)
	if err != nil {
		panic("conform: internal error: " + err.Error())
	}
	return s
})

func load(files fs.FS) (*suiteOf, error) {
	s := new(suiteOf)
	text, err := fs.ReadFile(files, "cases/sentences.txt")
	if err != nil {
		return nil, err
	}
	if s.sentences, err = parseSentences(string(text)); err != nil {
		return nil, fmt.Errorf("sentences.txt: %w", err)
	}
	for role, cases := range map[multiselect.Role]*[]*Case{multiselect.Responder: &s.responder, multiselect.Initiator: &s.initiator} {
		paths, err := fs.Glob(files, path.Join("cases", role.String(), "*.txt"))
		if err != nil {
			return nil, err
		}
		for _, p := range paths {
			text, err := fs.ReadFile(files, p)
			if err != nil {
				return nil, err
			}
			more, err := parse(role, string(text), s.quote)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", p, err)
			}
			*cases = append(*cases, more...)
		}
	}
	return s, nil
}

// parseSentences reads lines "KEY LEVEL TEXT". A line "source KEY URL" is the source of
// the sentences whose keys begin with KEY.
func parseSentences(text string) (all []Requirement, err error) {
	sources := make(map[string]string)
	for i, line := range strings.Split(text, "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		fields := strings.SplitN(line, " ", 3)
		if len(fields) != 3 {
			return nil, fmt.Errorf("line %d: not three words", i+1)
		}
		if fields[0] == "source" {
			sources[fields[1]] = fields[2]
			continue
		}
		source, ok := sources[strings.TrimRight(fields[0], "0123456789")]
		level := slices.Index(levels[:], fields[1])
		if !ok || level < 0 {
			return nil, fmt.Errorf("line %d: no such source or level", i+1)
		}
		all = append(all, Requirement{Key: fields[0], Level: Level(level), Text: fields[2], Source: source})
	}
	return all, nil
}
