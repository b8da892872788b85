package main

import (
	"bytes"
	"cmp"
	"maps"
	"runtime/pprof"
	"slices"
	"strings"
	"time"

	"github.com/google/pprof/profile"
)

// Profiles of the variants alternate, so that changes of the machine affect all of them.
// The runtime takes a hundred samples a second.
const (
	profileParts = 8
	profileTime  = 2 * time.Second // of one part
)

// account divides the processor time of a variant among places and functions.
type account struct {
	transport, variant string
	negotiations       float64
	places             map[string]float64 // ns, by the names of places
	functions          map[string]float64 // ns, by function of the library, with its calls
}

// perNegotiation returns the share of one negotiation in a part of the account, in ns.
func (a account) perNegotiation(part float64) float64 { return part / a.negotiations }

// total returns the sum of all places.
func (a account) total() (ns float64) {
	for _, part := range a.places {
		ns += part
	}
	return ns
}

// place is a part of the system that takes time. A sample belongs to the innermost
// function whose name contains a mark of a place, and there to the first such place.
type place struct {
	name  string
	marks []string
}

var places = []place{
	{"kernel: write", []string{"syscall.write", "syscall.Write"}},
	{"kernel: read", []string{"syscall.read", "syscall.Read"}},
	{"kernel: epoll", []string{"runtime.netpoll", "syscall.EpollWait"}},
	{"scheduler and wake-ups", []string{
		"runtime.mcall", "runtime.schedule", "runtime.findRunnable", "runtime.gopark", "runtime.goready",
		"runtime.ready", "runtime.goparkunlock", "runtime.systemstack_switch", "sync.(*Cond)", "runtime.notifyList",
		"runtime.selectgo", "runtime.chansend", "runtime.chanrecv", "runtime.newproc",
	}},
	{"garbage collector", []string{"runtime.gcBgMarkWorker", "runtime.bgsweep", "runtime.bgscavenge"}},
	{"allocation", []string{"runtime.mallocgc", "runtime.newobject", "runtime.growslice", "runtime.makeslice"}},
	{"package net and its poller", []string{"net.(*", "internal/poll."}},
	{"the stream in memory", []string{"main.(*queue)", "main.duplex"}},
	{"pools", []string{"sync.(*Pool)"}},
	{"time limit", []string{"internal/watchdog.", "(*watch)", ").arm", ").disarm", "time.Since"}},
	{"look-up", []string{"internal/names.", "(*table)", "sync.(*Map)", "sync.(*HashTrieMap)", "(*Muxer).lookup", "runtime.mapaccess", "internal/runtime/maps."}},
	{"messages: encode, frame, compare", []string{"multiselect/wire."}},
	{"the library's other code", []string{"github.com/multiselect/multiselect.", "github.com/multiselect/multiselect/internal/"}},
	{"go-multistream's own code", []string{"go-multistream.", "go-varint."}},
	{"the bench itself", []string{"bench.", "main."}},
}

const otherPlace = "elsewhere"

// profileVariants profiles variants on one transport.
func profileVariants(tr transport, vs []variant) ([]account, error) {
	l, err := tr.open()
	if err != nil {
		return nil, err
	}
	defer l.close()
	accounts := make([]account, len(vs))
	for i, v := range vs {
		accounts[i] = account{tr.name, v.name, 0, make(map[string]float64), make(map[string]float64)}
	}
	for range profileParts {
		for i, v := range vs {
			c := v.start(oneLength, l.initiator, l.responder)
			n, err := batchSize(c)
			if err != nil {
				return nil, err
			}
			if err := accounts[i].add(c, n); err != nil {
				return nil, err
			}
		}
	}
	return accounts, nil
}

// add profiles batches of n for a while.
func (a *account) add(c contender, n int) error {
	var profiled bytes.Buffer
	if err := pprof.StartCPUProfile(&profiled); err != nil {
		return err
	}
	var err error
	for begin := time.Now(); err == nil && time.Since(begin) < profileTime; {
		_, err = c.run(n)
		a.negotiations += float64(n)
	}
	pprof.StopCPUProfile()
	if err != nil {
		return err
	}
	p, err := profile.Parse(&profiled)
	if err != nil {
		return err
	}
	a.attribute(p)
	return nil
}

// attribute adds each sample to its place and its function.
func (a *account) attribute(p *profile.Profile) {
	for _, s := range p.Sample {
		names := stackOf(s)
		ns := float64(s.Value[len(s.Value)-1])
		a.places[findPlace(names)] += ns
		if f := libraryFunction(names); f != "" {
			a.functions[f] += ns
		}
	}
}

// stackOf returns the names of a sample's functions, innermost first.
func stackOf(s *profile.Sample) (names []string) {
	for _, location := range s.Location {
		for _, line := range location.Line {
			names = append(names, line.Function.Name)
		}
	}
	return names
}

func findPlace(stack []string) string {
	for _, function := range stack {
		for _, p := range places {
			if slices.ContainsFunc(p.marks, func(mark string) bool { return strings.Contains(function, mark) }) {
				return p.name
			}
		}
	}
	return otherPlace
}

// libraryFunction returns the innermost function of the library, or "" if that waits in a
// Read or Write: this time belongs to the transport.
func libraryFunction(stack []string) string {
	for _, function := range stack {
		for _, transport := range []string{"main.", "net.", "internal/poll."} {
			if strings.HasPrefix(function, transport) {
				return ""
			}
		}
		const module = "github.com/multiselect/multiselect"
		if name, ok := strings.CutPrefix(function, module+"."); ok {
			return name
		}
		for _, folder := range []string{"/wire.", "/internal/"} {
			if strings.HasPrefix(function, module+folder) {
				return strings.TrimPrefix(function, module+"/")
			}
		}
	}
	return ""
}

// largest returns the n largest entries.
func largest(m map[string]float64, n int) []string {
	names := slices.SortedFunc(maps.Keys(m), func(a, b string) int {
		return cmp.Or(cmp.Compare(m[b], m[a]), strings.Compare(a, b))
	})
	return names[:min(n, len(names))]
}
