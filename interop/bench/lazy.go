package main

import (
	"context"
	"io"
	"slices"

	mss "github.com/multiformats/go-multistream"
	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/wire"
)

// A lazy initiator sends a request behind its proposal, and the response comes
// behind the agreement. So what is timed here is longer than elsewhere: up to the
// first bytes of the protocol, there and back.

// request and response are one delimited message of the protocol's own.
var (
	request  = []byte("\x04ping")
	response = []byte("\x04pong")
)

var (
	lazyFloor    = speaker{"lazy floor", lazyFloorInitiate, lazyFloorRespond}
	lazyOurs     = lazyOursWith("lazy ours", multiselect.Limits{})
	lazyOursFree = lazyOursWith("lazy ours-free", multiselect.Limits{Timeout: -1})
	lazyGoms     = speaker{"lazy goms", lazyGomsInitiate, responding(gomsRespond)}
	// eager negotiates first and sends the request then: what lazy saves.
	eagerOurs = speaker{"eager ours", requesting(oursFree.initiate), responding(oursFree.respond)}
)

// lazyVariants are compared on each transport.
var lazyVariants = []variant{
	{theFloor, lazyFloor, lazyFloor},
	{"capped floor", cappedFloor, cappedFloor},
	{"ours~ours", lazyOurs, lazyOurs},
	{"ours~ours, no budget", lazyOursFree, lazyOursFree},
	{"goms~goms", lazyGoms, lazyGoms},
	{"ours~goms", lazyOurs, lazyGoms},
	{"goms~ours", lazyGoms, lazyOurs},
	{"ours~ours, not lazy", eagerOurs, eagerOurs},
}

// The floor has request and response in the flights, and reads them at once.
func lazyFloorInitiate(t talk) func(io.ReadWriteCloser) func() error {
	ask, answer := lazyFlights(t)
	return func(rw io.ReadWriteCloser) func() error { return floorSide(rw, ask, answer, false) }
}

func lazyFloorRespond(t talk) func(io.ReadWriteCloser) func() error {
	ask, answer := lazyFlights(t)
	return func(rw io.ReadWriteCloser) func() error { return floorSide(rw, answer, ask, true) }
}

func lazyFlights(t talk) (ask, answer [][]byte) {
	flight := wire.AppendMessage([]byte(wire.HeaderFrame), t.last())
	behind := func(b []byte) [][]byte { return [][]byte{slices.Concat(flight, b)} }
	return behind(request), behind(response)
}

// The capped floor has a responder that reads and writes like any does that neither
// reads past the agreement nor holds its answer back, and an initiator that takes the
// two together if they have come together: what is left of the lazy ratios above it
// is the library's.
var cappedFloor = speaker{
	"capped floor",
	func(t talk) func(io.ReadWriteCloser) func() error {
		asks, answers := lazyFlights(t)
		return func(rw io.ReadWriteCloser) func() error {
			buf := make([]byte, len(answers[0]))
			return func() error {
				if _, err := rw.Write(asks[0]); err != nil {
					return err
				}
				_, err := io.ReadFull(rw, buf)
				return err
			}
		}
	},
	func(t talk) func(io.ReadWriteCloser) func() error {
		_, flights := lazyFlights(t)
		return func(rw io.ReadWriteCloser) func() error {
			buf := make([]byte, len(flights[0]))
			agreement := flights[0][:len(buf)-len(response)]
			return func() error {
				if n, err := rw.Read(buf[:len(agreement)]); err != nil || n != len(agreement) {
					return inPieces(n, err)
				}
				if _, err := rw.Write(agreement); err != nil {
					return err
				}
				if n, err := rw.Read(buf[len(agreement):]); err != nil || n != len(request) {
					return inPieces(n, err)
				}
				_, err := rw.Write(response)
				return err
			}
		}
	},
}

func lazyOursWith(name string, l multiselect.Limits) speaker {
	cl, ctx := &multiselect.Client{Limits: l}, context.Background()
	return speaker{
		name,
		func(t talk) func(io.ReadWriteCloser) func() error {
			return func(rw io.ReadWriteCloser) func() error {
				buf := make([]byte, len(response))
				return func() error {
					lazy, err := cl.Lazy(ctx, rw, t.last())
					if err != nil {
						return err
					}
					return ask(lazy, buf)
				}
			}
		},
		responding(oursWith(name, l).respond),
	}
}

func lazyGomsInitiate(t talk) func(io.ReadWriteCloser) func() error {
	return func(rw io.ReadWriteCloser) func() error {
		buf := make([]byte, len(response))
		return func() error { return ask(mss.NewMSSelect(rw, t.last()), buf) }
	}
}

// requesting asks when the protocol is agreed.
func requesting(negotiate role) role {
	return func(t talk) func(io.ReadWriteCloser) func() error {
		prepare := negotiate(t)
		return func(rw io.ReadWriteCloser) func() error {
			once, buf := prepare(rw), make([]byte, len(response))
			return func() error {
				if err := once(); err != nil {
					return err
				}
				return ask(rw, buf)
			}
		}
	}
}

// responding answers the request when the protocol is agreed.
func responding(negotiate role) role {
	return func(t talk) func(io.ReadWriteCloser) func() error {
		prepare := negotiate(t)
		return func(rw io.ReadWriteCloser) func() error {
			once, buf := prepare(rw), make([]byte, len(request))
			return func() error {
				if err := once(); err != nil {
					return err
				}
				if n, err := rw.Read(buf); err != nil || n != len(request) {
					return inPieces(n, err)
				}
				_, err := rw.Write(response)
				return err
			}
		}
	}
}

// ask sends the request and reads the response into buf.
func ask(rw io.ReadWriter, buf []byte) error {
	if _, err := rw.Write(request); err != nil {
		return err
	}
	if n, err := rw.Read(buf); err != nil || n != len(buf) { // like the floor
		return inPieces(n, err)
	}
	return nil
}
