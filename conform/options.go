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

// Options say which cases are played, and how. The zero value plays all.
type Options struct {
	// Select selects the cases whose id matches. If nil, all do.
	Select *regexp.Regexp
	// IDs selects cases by their ids, beside Select. If empty, all.
	IDs []string
	// Strict makes a missed SHOULD fail.
	Strict bool
	// Timeout is how long a case may take, connecting included. If zero, 5 s.
	Timeout time.Duration
	// Quiet is how long silence has to last where it is what should be; where it is
	// held against the party it has to last ten times as long. If zero, 200 ms.
	Quiet time.Duration
	// ExpectFail are the ids of cases that are known to fail, with the reasons.
	// Such a failure does not make a run fail, and its absence does.
	ExpectFail map[string]string
	// Started, if not nil, is called before each case, and Observe after it, by
	// the goroutine that runs the suite.
	OnStart  func(*Case)
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

// Cases returns the cases for the role that the options select, in order. It
// is an error if an id in IDs or ExpectFail is that of no case for this role.
func (o *Options) Cases(role multiselect.Role) ([]*Case, error) {
	all := Cases(role)
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
			return nil, fmt.Errorf("conform: no %v case has the id %q, which is expected to fail", role, id)
		}
	}
	return slices.DeleteFunc(all, func(c *Case) bool {
		return o.Select != nil && !o.Select.MatchString(c.ID) ||
			len(o.IDs) > 0 && !slices.Contains(o.IDs, c.ID)
	}), nil
}

// ReadExpectFail reads a list of cases that are known to fail: a line for each,
// its id, a space, and the reason. "#" begins a comment line. A case without a
// reason is an error.
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
			return nil, fmt.Errorf("line %d: %s stands there twice", n, id)
		}
		list[id] = reason
	}
	return list, lines.Err()
}
