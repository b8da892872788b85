package conversation_test

import (
	"fmt"
	"strings"

	"github.com/multiselect/multiselect"
)

// limitCases are cases about the limits that are too long to be written down.
func limitCases(role multiselect.Role) string {
	if role == multiselect.Initiator {
		return tooManyNames
	}
	const (
		accepted  = "legal any: it is agreed on\n"
		overLimit = "error ErrLimit\nphase proposal\nblame peer\nlegal abort: the limit is reached\n"
		largest   = "/${x*1022}" // fills a message of 1024 bytes, 1026 with their length
	)
	return refusals("R27-last", "the last proposal that is allowed", 127, "/nope", "${A}", accepted, "< ${A}\n") +
		refusals("R27-one-more", "a proposal more than allowed", 128, "/nope", "${A}", overLimit, "") +
		refusals("R27-bytes-each", "more bytes than allowed", 63, largest, largest, overLimit, "")
}

// refusals is a case in which a name is refused that often, each time before it is
// proposed again, and then another is proposed.
func refusals(id, title string, count int, refused, last, legal, answer string) string {
	return fmt.Sprintf(`case %s
title %s
level robustness
> /multistream/1.0.0
< /multistream/1.0.0
%s> %s
%s< /multistream/1.0.0
repeat %d
< na
%s`, id, title, strings.Repeat("> "+refused+"\n< na\n", count), last, legal, count, answer)
}

var tooManyNames = func() string {
	var names []string
	for i := range 129 {
		names = append(names, fmt.Sprintf("%q", fmt.Sprintf("/service/%03d/1.0.0", i)))
	}
	return `case R27-too-many
title more names than the limit
level robustness
error ErrLimit
phase header
blame local
propose ` + strings.Join(names, " ") + `
legal abort failed: nothing is sent
`
}()
