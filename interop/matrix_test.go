package interop

import (
	"errors"
	"fmt"
	"iter"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/multiselect/multiselect/wire"
)

// scenario is a row of the matrix: what the initiator proposes to whom, and
// what comes of it. Every row is played in both directions, in every form that
// either library offers, over every link.
type scenario struct {
	name     string
	speaks   []string // what the responder has
	proposes []string // what the initiator wants, in order
	agreed   string   // what comes of it, "" if all is refused
	app      application
}

var (
	long    = func(size int) string { return "/" + strings.Repeat("L", size-1) }
	foreign = "/\xff\xfe/\x00\x80"
)

var scenarios = []scenario{
	{"the first is agreed on", names("/a", "/b", "/c"), names("/a"), "/a", ping},
	{"the 2nd of 3 is agreed on", names("/a", "/b", "/c"), names("/x", "/b", "/c"), "/b", ping},
	{"the 10th of 10", names("/9"), numbered(10), "/9", ping},
	{"the 128th of 128", names("/127"), numbered(128), "/127", ping},
	{"the only one is refused", names("/a", "/b"), names("/x"), "", ping},
	{"all of 3 are refused", names("/a", "/b"), names("/x", "/y", "/z"), "", ping},
	{"nothing is spoken", nil, names("/x"), "", ping},
	{"among 100 names", numbered(100), names("/77"), "/77", ping},
	{"a prefix is registered", names("/a/*", "/b"), names("/a/1.0.0"), "/a/1.0.0", pingLarge},
	{"a function is registered", names("/a/?", "/b"), names("/a/1.0.0"), "/a/1.0.0", pingLarge},
	{"a near miss is refused", names("/a/1", "/b"), names("/a/1 ", "/A/1", "/a/1/", "a/1", "/a/1.0", "/b"), "/b", ping},

	{"8 KiB behind the proposal", names("/a"), names("/a"), "/a", pingLarge},
	{"words glued to the echo", names("/a"), names("/a"), "/a", greeting},
	{"half-close", names("/a"), names("/a"), "/a", halfClose},
	{"half-close after a refusal", names("/a"), names("/x", "/a"), "/a", halfClose},
	{"the initiator speaks and leaves", names("/a"), names("/a"), "/a", fireAndForget},
	{"the initiator leaves unheard", names("/a"), names("/a"), "/a", silence},

	{"a name without a slash", names("svc/raw"), names("svc/raw"), "svc/raw", ping},
	{"a name of one byte", names("a"), names("b", "a"), "a", ping},
	{"a name of 9 bytes (length \\n)", names("/foo/bar1"), names("/foo/bar1"), "/foo/bar1", ping},
	{"a name of 127 bytes", names(long(127)), names(long(126), long(127)), long(127), ping},
	{"a name of 1000 bytes", names(long(1000), "/a"), names(long(1000)), long(1000), ping},
	{"a name of 1023 bytes, the limit", names(long(1023)), names(long(1022), long(1023)), long(1023), ping},
	{"a name that is not UTF-8", names(foreign), names("/\xff", foreign), foreign, ping},
	{"a name with spaces", names(" /a b "), names("/a b", " /a b "), " /a b ", ping},
	{"an unknown 1000 bytes, no UTF-8", names("/a"), names(long(1000), foreign, "/a"), "/a", ping},
}

func names(list ...string) []string { return list }

func numbered(n int) (list []string) {
	for i := range n {
		list = append(list, fmt.Sprintf("/%d", i))
	}
	return list
}

// direction is who proposes to whom.
type direction struct {
	name         string
	initiators   []initiator
	responders   []responder
	oursProposes bool
}

var directions = []direction{
	{"ours proposes to theirs", ourInitiators, theirResponders, true},
	{"theirs proposes to ours", theirInitiators, ourResponders, false},
}

// TestMatrix plays every scenario in every combination. Shown with -v is how
// many of them there were, for each form of ours.
func TestMatrix(t *testing.T) {
	for _, d := range directions {
		t.Run(d.name, func(t *testing.T) {
			var m matrix
			t.Run("all", func(t *testing.T) { d.playAll(t, &m) })
			t.Logf("exchanges that passed (each over up to %d links, with up to %d forms of theirs)\n%v",
				len(links), d.theirForms(), &m)
		})
	}
}

func (d *direction) playAll(t *testing.T, m *matrix) {
	for from, to := range d.pairs() {
		column := to.name
		if d.oursProposes {
			column = from.name
		}
		for row := range scenarios {
			for _, via := range links {
				x := exchange{&scenarios[row], from, to, via}
				if x.possible() {
					played(t, x.String(), m.cell(x.name, column), x.play)
				}
			}
		}
		x := exchange{&crowd, from, to, links[0]}
		played(t, x.String(), m.cell(x.name, column), x.playCrowd)
	}
}

func played(t *testing.T, name string, c *cell, play func(t testing.TB) error) {
	t.Run(name, func(t *testing.T) {
		t.Parallel()
		defer func() { c.note(!t.Failed()) }()
		if err := play(t); err != nil {
			t.Error(err)
		}
	})
}

// pairs goes through all that can meet in this direction.
func (d *direction) pairs() iter.Seq2[*initiator, *responder] {
	return func(yield func(*initiator, *responder) bool) {
		for i := range d.initiators {
			for k := range d.responders {
				if !yield(&d.initiators[i], &d.responders[k]) {
					return
				}
			}
		}
	}
}

func (d *direction) theirForms() int {
	if d.oursProposes {
		return len(d.responders)
	}
	return len(d.initiators)
}

// exchange is a scenario in one of its forms.
type exchange struct {
	*scenario
	from *initiator
	to   *responder
	via  link
}

func (x *exchange) String() string {
	return strings.Join([]string{x.name, x.from.name, x.to.name, x.via.name}, "/")
}

// possible reports whether the forms and the link can play the scenario.
func (x *exchange) possible() bool {
	switch {
	case x.from.single && len(x.proposes) > 1,
		x.via.pipe && x.app.halves,
		x.via.pipe && x.from.writesFirst,
		x.from.refused == nil && x.agreed == "",
		x.from.lists && wire.ListSize(listed(x.speaks)) > 1024:
		return false
	}
	return true
}

// play runs both sides and compares what came of it.
func (x *exchange) play(t testing.TB) error {
	near, far := x.via.open(t)
	defer near.Close()
	if x.app.early {
		far = corkFor(far, x.agreed)
	}
	v := &visit{Conn: far, answer: x.app.answer}
	served := make(chan error, 1)
	go func() {
		defer far.Close()
		served <- x.to.serve(newService(x.speaks), v)
	}()
	protocol, err := x.propose(near)
	near.Close() // the responder goes on until it has heard that
	return x.check(protocol, err, v, <-served)
}

// propose plays the initiator's part. The error of a lazy initiator comes up
// only when the application speaks.
func (x *exchange) propose(near net.Conn) (string, error) {
	protocol, s, err := x.from.choose(x.scenario, near)
	if err == nil {
		err = x.app.ask(s)
	}
	return protocol, err
}

func (x *exchange) check(protocol string, err error, v *visit, served error) error {
	if x.agreed == "" {
		return x.checkRefusal(err, v, served)
	}
	switch {
	case err != nil:
		return fmt.Errorf("the initiator: %w (the responder: %v, %v)", err, served, v.err)
	case served != nil:
		return fmt.Errorf("the responder: %w", served)
	case v.err != nil:
		return fmt.Errorf("the responder's application: %w", v.err)
	case protocol != x.agreed || v.served != x.agreed:
		return fmt.Errorf("agreed on %.40q and %.40q, want %.40q", protocol, v.served, x.agreed)
	}
	return nil
}

func (x *exchange) checkRefusal(err error, v *visit, served error) error {
	want := x.proposes
	if x.from.steps {
		want = want[len(want)-1:]
	}
	switch got, ok := x.from.refused(err); {
	case !ok:
		return fmt.Errorf("the initiator says %v, want a refusal", err)
	case !slices.Equal(got, want):
		return fmt.Errorf("the initiator was refused %.40q, want %.40q", got, want)
	case !errors.Is(served, x.to.gaveUp):
		return fmt.Errorf("the responder says %v, want %v", served, x.to.gaveUp)
	case v.served != "":
		return fmt.Errorf("the responder served %q", v.served)
	}
	return nil
}
