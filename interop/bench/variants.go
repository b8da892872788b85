package main

import (
	"io"
	"time"
)

// variant is who negotiates with whom. The name is client~server.
type variant struct {
	name              string
	initiator, server speaker
}

const theFloor = "floor~floor" // what everything is compared with

// variants are compared on each transport. A new one is one line here.
var variants = []variant{
	{theFloor, floor, floor},
	{"floor again", floor, floor}, // the noise of the method: should be 1.000
	{"ours~ours", ours, ours},
	{"ours~ours, no budget", oursFree, oursFree},
	{"goms~goms", goms, goms},
	{"ours~goms", ours, goms},
	{"goms~ours", goms, ours},
}

// start makes the contender of a variant: batches of one talk on one stream.
func (v variant) start(t talk, initiator, responder io.ReadWriteCloser) contender {
	ask := v.initiator.initiate(t)(initiator)
	answer := v.server.respond(t)(responder)
	return contender{name: v.name, run: func(n int) (time.Duration, error) {
		answered := make(chan error, 1)
		go func() { answered <- repeat(n, answer, responder) }()
		begin := time.Now()
		err := repeat(n, ask, initiator)
		took := time.Since(begin)
		if err2 := <-answered; err == nil {
			err = err2
		}
		return took, err
	}}
}

// repeat negotiates n times. If it fails it closes the stream, so that the
// other side does not wait for ever.
func repeat(n int, negotiate func() error, stream io.Closer) error {
	for range n {
		if err := negotiate(); err != nil {
			stream.Close()
			return err
		}
	}
	return nil
}

// find returns the variants with the given names, in that order.
func find(names ...string) []variant { return named(variants, names...) }

func named(variants []variant, names ...string) (found []variant) {
	for _, name := range names {
		for _, v := range variants {
			if v.name == name {
				found = append(found, v)
			}
		}
	}
	return found
}

// Who is compared where not all of them are.
var (
	kthVariants   = find(theFloor, "ours~ours", "ours~ours, no budget", "goms~goms")
	freshVariants = find(theFloor, "floor again", "ours~ours", "ours~ours, no budget", "goms~goms")
	nagleVariants = append(find(theFloor, "ours~ours", "goms~goms", "ours~goms", "goms~ours"),
		variant{"lazy, floor~floor", lazyFloor, lazyFloor},
		variant{"lazy, ours~ours", lazyOurs, lazyOurs},
		variant{"lazy, goms~goms", lazyGoms, lazyGoms})
)

// accountTransports and accountVariants are those of which the time is explained.
var (
	accountTransports = []string{"TCP", "in-memory"}
	accountVariants   = find(theFloor, "ours~ours", "goms~goms")
)
