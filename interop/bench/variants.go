package main

import (
	"io"
	"time"
)

// variant is a pair of implementations. Its name is initiator~responder.
type variant struct {
	name                 string
	initiator, responder implementation
}

// Names of variants. The time limit is on in limitOn and switched off in limitOff.
const (
	theFloor = "floor~floor" // the base of all ratios
	limitOn  = "ours~ours"
	limitOff = "ours~ours, no limit"
)

// variants are compared on each transport.
var variants = []variant{
	{theFloor, floor, floor},
	{"floor again", floor, floor}, // the noise of the method: should be 1.000
	{limitOn, ours, ours},
	{limitOff, oursNoLimit, oursNoLimit},
	{"goms~goms", goms, goms},
	{"ours~goms", ours, goms},
	{"goms~ours", goms, ours},
}

// start returns the contender of a variant, whose batches negotiate a scenario again and
// again on one stream.
func (v variant) start(s scenario, initiator, responder io.ReadWriteCloser) contender {
	initiate := v.initiator.initiate(s)(initiator)
	respond := v.responder.respond(s)(responder)
	return contender{name: v.name, run: func(n int) (time.Duration, error) {
		done := make(chan error, 1)
		go func() { done <- repeat(n, respond, responder) }()
		begin := time.Now()
		err := repeat(n, initiate, initiator)
		took := time.Since(begin)
		if err2 := <-done; err == nil {
			err = err2
		}
		return took, err
	}}
}

// repeat negotiates n times. After a failure it closes the stream, to unblock the other
// side.
func repeat(n int, negotiate func() error, stream io.Closer) error {
	for range n {
		if err := negotiate(); err != nil {
			stream.Close()
			return err
		}
	}
	return nil
}

// findVariants returns the variants with the given names, in that order.
func findVariants(names ...string) []variant { return variantsNamed(variants, names...) }

func variantsNamed(variants []variant, names ...string) []variant {
	found := make([]variant, len(names))
	for i, name := range names {
		for _, v := range variants {
			if v.name == name {
				found[i] = v
			}
		}
		if found[i].name == "" {
			panic("no variant " + name)
		}
	}
	return found
}

// Selections of variants for the comparisons that do not need all of them.
var (
	kthVariants     = findVariants(theFloor, limitOn, limitOff, "goms~goms")
	handlerVariants = findVariants(theFloor, limitOn, limitOff, "goms~goms")
	freshVariants   = findVariants(theFloor, "floor again", limitOn, limitOff, "goms~goms")
	nagleVariants   = append(findVariants(theFloor, limitOn, "goms~goms", "ours~goms", "goms~ours"),
		variant{"lazy, floor~floor", lazyFloor, lazyFloor},
		variant{"lazy, ours~ours", lazyOurs, lazyOurs},
		variant{"lazy, goms~goms", lazyGoms, lazyGoms})
)

// The transports and variants whose time is profiled.
var (
	accountTransports = []string{"TCP", "in-memory"}
	accountVariants   = findVariants(theFloor, limitOn, "goms~goms")
)
