package conform

import (
	"bufio"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/multiselect/multiselect"
)

// Sometimes begins the reasons in [Options.ExpectFail] of cases that fail in some runs only,
// for example because the system can deliver two writes of a party as one.
const Sometimes = "sometimes: "

// Options select cases and set limits. The zero value plays all cases.
type Options struct {
	// Suite are the cases to select from. If nil, those of this package. [Parse] reads
	// others.
	Suite []*Case
	// Select selects the cases whose id it matches. If nil, it selects all.
	Select *regexp.Regexp
	// IDs selects cases by their ids. A case must be selected by both Select and IDs. If
	// empty, it selects all.
	IDs []string
	// Strict turns a missed SHOULD into a failure.
	Strict bool
	// Timeout is the time limit of a case, which includes the time to connect. If zero
	// or negative, 5 s.
	Timeout time.Duration
	// Quiet is the time without bytes after which the tester concludes that a party is
	// silent. It waits ten times as long if the silence counts against the party. If
	// zero or negative, 200 ms.
	Quiet time.Duration
	// ExpectFail maps ids of cases that are known to fail to the reasons. Such a failure
	// does not fail the run. An id listed here whose case passes makes the run fail, so
	// that the list stays true; a case that is skipped or unsupported does not. A reason
	// that begins with [Sometimes] is for a case that can fail or pass: neither makes the
	// run fail.
	ExpectFail map[string]string
	// OnStart, if not nil, is called before each case by the goroutine of the run.
	OnStart func(*Case)
	// OnResult, if not nil, is called after each case by the goroutine of the run.
	OnResult func(Result)
}

func (o *Options) timeout() time.Duration {
	if o.Timeout > 0 {
		return o.Timeout
	}
	return 5 * time.Second
}

func (o *Options) quiet() time.Duration {
	if o.Quiet > 0 {
		return o.Quiet
	}
	return 200 * time.Millisecond
}

// Cases returns the cases for the role that the options select, in order. It fails if IDs
// or ExpectFail contains an id that no case for this role has.
func (o *Options) Cases(role multiselect.Role) ([]*Case, error) {
	all := Cases(role)
	if o.Suite != nil {
		all = slices.DeleteFunc(slices.Clone(o.Suite), func(c *Case) bool { return c.Role != role })
	}
	known := func(id string) bool {
		return slices.ContainsFunc(all, func(c *Case) bool { return c.ID == id })
	}
	for _, id := range o.IDs {
		if !known(id) {
			return nil, fmt.Errorf("conform: no %v case has the id %q", role, id)
		}
	}
	for id := range o.ExpectFail {
		if !known(id) {
			return nil, fmt.Errorf("conform: no %v case has the id %q, which is in the list of expected failures", role, id)
		}
	}
	return slices.DeleteFunc(all, func(c *Case) bool {
		return o.Select != nil && !o.Select.MatchString(c.ID) ||
			len(o.IDs) > 0 && !slices.Contains(o.IDs, c.ID)
	}), nil
}

// ReadExpectFail reads a list for [Options.ExpectFail]. Each line consists of the id of a
// case, a space and the reason. Empty lines and lines that begin with "#" are ignored. A
// missing reason and a duplicate id are errors.
func ReadExpectFail(r io.Reader) (map[string]string, error) {
	list := make(map[string]string)
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		id, reason, _ := strings.Cut(line, " ")
		reason = strings.TrimSpace(reason)
		switch {
		case reason == "":
			return nil, fmt.Errorf("line %d: %s is expected to fail without a reason", n, id)
		case list[id] != "":
			return nil, fmt.Errorf("line %d: %s is listed twice", n, id)
		}
		list[id] = reason
	}
	return list, lines.Err()
}
