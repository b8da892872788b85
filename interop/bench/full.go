package main

import (
	"fmt"
	"os"
	"time"
)

// fullRounds is how many rounds the full run has for each comparison.
const fullRounds = 101

// transportCost is how the variants compare on one transport.
type transportCost struct {
	transport  string
	one, mixed results
	kth        map[int]results
	lazy       results
}

// proposalCounts are the k of success at the k-th proposal.
var proposalCounts = []int{2, 5, 10}

// freshCost is how they compare with a new stream for each negotiation.
type freshCost struct {
	source  string
	clients int
	results results
}

// heldCost is what a half-open negotiation holds.
type heldCost struct {
	on, sent, responder string
	held
}

// report is everything that is measured.
type report struct {
	Machine      machine
	Rounds       int
	Took         time.Duration
	figures      []figure
	transports   []transportCost
	handlers     []handlerCost
	fresh        []freshCost
	held         []heldCost
	stalls       []stall
	counts       []counts
	foreign      []foreignCost
	skipped      []skip
	accounts     []account
	asks, serves results // one side alone
}

// chapters measure, one after the other.
var chapters = []struct {
	name    string
	measure func(*report) error
}{
	{"counts", (*report).measureCounts},
	{"transports", (*report).measureTransports},
	{"one side alone", func(r *report) (err error) {
		r.asks, r.serves, err = raceAlone(fullRounds)
		return err
	}},
	{"other languages", func(r *report) error {
		r.foreign, r.skipped = raceForeigners(fullRounds)
		return nil
	}},
	{"new connections and streams", (*report).measureFresh},
	{"Nagle", func(r *report) (err error) {
		r.stalls, err = nagle(nagleVariants)
		return err
	}},
	{"half-open negotiations", (*report).measureHeld},
	{"profiles", (*report).measureAccounts},
	{"handlers", func(r *report) (err error) {
		r.handlers, err = raceHandlers(fullRounds, handlerCounts)
		return err
	}},
	{"promises", (*report).measureFigures},
}

// runFull measures everything and writes it into the folder.
func runFull(docs string) int {
	if _, err := os.Stat(docs); err != nil {
		return fail(fmt.Errorf("run it in interop/bench, or say where to write with -docs: %w", err))
	}
	begin := time.Now()
	patience = begin.Add(20 * time.Minute)
	r := &report{Machine: thisMachine(), Rounds: fullRounds}
	for _, chapter := range chapters {
		fmt.Fprintf(os.Stderr, "%6s  %s\n", time.Since(begin).Round(time.Second), chapter.name)
		if err := chapter.measure(r); err != nil {
			return fail(fmt.Errorf("%s: %w", chapter.name, err))
		}
	}
	r.Took = time.Since(begin).Round(time.Minute)
	if err := r.write(docs); err != nil {
		return fail(err)
	}
	for _, s := range r.skipped {
		fmt.Fprintf(os.Stderr, "skipped: %s: %s\n", s.what, s.why)
	}
	fmt.Fprintf(os.Stderr, "%6s  done, %d of %d languages skipped\n", time.Since(begin).Round(time.Second), len(r.skipped), len(foreigners))
	return 0
}

func (r *report) measureCounts() error {
	if _, err := count(modes[0]); err != nil { // what happens once in a process
		return err
	}
	for _, m := range modes {
		c, err := count(m)
		if err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
		r.counts = append(r.counts, c)
	}
	return nil
}

func (r *report) measureTransports() (err error) {
	for _, tr := range transports {
		cost := transportCost{transport: tr.name, kth: make(map[int]results)}
		if cost.one, err = raceOn(tr, fullRounds, oneLength, variants); err != nil {
			return err
		}
		if cost.mixed, err = raceOn(tr, fullRounds, mixed, variants); err != nil {
			return err
		}
		for _, k := range proposalCounts {
			if cost.kth[k], err = raceOn(tr, fullRounds, kth(k), kthVariants); err != nil {
				return err
			}
		}
		// On net.Pipe nothing can travel early: the peer reads it when it has agreed.
		if tr.name != "net.Pipe" {
			if cost.lazy, err = raceOn(tr, fullRounds, oneLength, lazyVariants); err != nil {
				return err
			}
		}
		r.transports = append(r.transports, cost)
	}
	return nil
}

func (r *report) measureFresh() error {
	for _, src := range sources {
		for _, clients := range clientCounts {
			cost, err := raceFresh(src, fullRounds, clients, freshVariants)
			if err != nil {
				return err
			}
			r.fresh = append(r.fresh, freshCost{src.name, clients, cost})
		}
	}
	return nil
}

// measureHeld repeats each measurement: memory scatters little.
func (r *report) measureHeld() error {
	const times = 3
	for _, silence := range silences {
		for _, who := range []string{"accept", "floor", "ours", "goms"} {
			h, err := middleOf(times, func() (held, error) { return halfOpenTCP(who, silence.bytes) })
			if err != nil {
				return err
			}
			r.held = append(r.held, heldCost{"TCP", silence.name, who, h})
		}
	}
	for _, who := range []string{"accept", "floor", "ours", "goms"} {
		h, err := middleOf(times, func() (held, error) { return halfOpenYamux5(who) })
		if err != nil {
			return err
		}
		r.held = append(r.held, heldCost{"yamux v5", "nothing", who, h})
	}
	return nil
}

func (r *report) measureAccounts() error {
	for _, name := range accountTransports {
		accounts, err := explain(transportNamed(name), accountVariants)
		if err != nil {
			return err
		}
		r.accounts = append(r.accounts, accounts...)
	}
	return nil
}

func (r *report) measureFigures() (err error) {
	r.figures, err = measureFigures()
	return err
}
