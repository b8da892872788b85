package main

import (
	"fmt"
	"os"
	"strings"
	"time"
)

// fullRounds is the number of rounds of each comparison in the full run.
const fullRounds = 101

// transportCost has the results of all variants on one transport.
type transportCost struct {
	transport  string
	one, mixed results
	kth        map[int]results
	lazy       results
}

// proposalCounts are the k of success at the k-th proposal.
var proposalCounts = []int{2, 5, 10}

// freshCost has the results with a new stream for each negotiation.
type freshCost struct {
	source  string
	clients int
	results results
}

// memoryCost is the memory of a half-open negotiation.
type memoryCost struct {
	on, sent, responder string
	memory
}

// report holds all measurements.
type report struct {
	Machine                machine
	Rounds, Passes         int
	Duration               time.Duration
	figures                []figure
	transports             []transportCost
	handlers               []handlerCost
	fresh                  []freshCost
	memory                 []memoryCost
	stalls                 []stall
	counts                 []counts
	foreign                []foreignCost
	skipped                []skip
	accounts               []account
	initiators, responders results // one side alone
}

// chapters are measured one after the other.
var chapters = []struct {
	name    string
	measure func(*report) error
}{
	{"counts", (*report).measureCounts},
	{"transports", (*report).measureTransports},
	{"one side alone", func(r *report) (err error) {
		r.initiators, r.responders, err = raceSolo(fullRounds)
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
	{"half-open negotiations", (*report).measureHalfOpen},
	{"profiles", (*report).measureAccounts},
	{"handlers", func(r *report) (err error) {
		r.handlers, err = raceHandlers(fullRounds, handlerCounts)
		return err
	}},
	{"promises", (*report).measureFigures},
}

// runFull measures everything and writes the page into the folder.
func runFull(docs string, passes int) int {
	if _, err := os.Stat(docs); err != nil {
		return fail(fmt.Errorf("run it in interop/bench, or name the folder of the page with -docs: %w", err))
	}
	begin := time.Now()
	retryUntil = begin.Add(20 * time.Minute)
	r := &report{Machine: thisMachine(), Rounds: fullRounds, Passes: passes}
	for _, chapter := range chapters {
		fmt.Fprintf(os.Stderr, "%6s  %s\n", time.Since(begin).Round(time.Second), chapter.name)
		if err := chapter.measure(r); err != nil {
			return fail(fmt.Errorf("%s: %w", chapter.name, err))
		}
	}
	r.Duration = time.Since(begin).Round(time.Minute)
	if err := r.write(docs); err != nil {
		return fail(err)
	}
	for _, s := range r.skipped {
		fmt.Fprintf(os.Stderr, "skipped: %s: %s\n", s.name, s.reason)
	}
	fmt.Fprintf(os.Stderr, "%6s  done, %d of %d languages skipped\n", time.Since(begin).Round(time.Second), len(r.skipped), len(foreigners))
	return conclude(r.figures)
}

func (r *report) measureCounts() error {
	if _, err := count(modes[0]); err != nil { // the first use of the library in a process
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
		// On net.Pipe early data has no effect: the peer reads it after its agreement.
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

func (r *report) measureHalfOpen() error {
	p, err := thisProgram()
	if err != nil {
		return err
	}
	measure := func(on, sent string, once func(responder string) (memory, error)) error {
		for _, responder := range []string{"accept", "floor", "ours", "ours-no-limit", "goms"} {
			m, err := medianMemory(memoryTimes, func() (memory, error) { return once(responder) })
			if err != nil {
				return err
			}
			r.memory = append(r.memory, memoryCost{on, sent, strings.Replace(responder, "-no-limit", ", no limit", 1), m})
		}
		return nil
	}
	for _, silence := range silences {
		err := measure("TCP", silence.name, func(responder string) (memory, error) {
			return p.halfOpenTCP(responder, silence.bytes)
		})
		if err != nil {
			return err
		}
	}
	return measure("yamux v5", silences[0].name, p.halfOpenYamux5)
}

func (r *report) measureAccounts() error {
	for _, name := range accountTransports {
		accounts, err := profileVariants(transportNamed(name), accountVariants)
		if err != nil {
			return err
		}
		r.accounts = append(r.accounts, accounts...)
	}
	return nil
}

func (r *report) measureFigures() (err error) {
	r.figures, err = measureFigures(r.Passes)
	return err
}
