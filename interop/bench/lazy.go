package main

import (
	"context"
	"io"
	"slices"

	mss "github.com/multiformats/go-multistream"
	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/wire"
)

// A lazy initiator sends a request directly after its proposal, and the response follows
// the agreement. So the time that is measured here is longer than elsewhere: it ends when
// the first bytes of the protocol have travelled there and back.

// request and response are each one delimited message of the protocol.
var (
	request  = []byte("\x04ping")
	response = []byte("\x04pong")
)

var (
	lazyFloor       = implementation{"lazy floor", lazyFloorInitiate, lazyFloorRespond}
	lazyOurs        = lazyOursWith("lazy ours", multiselect.Limits{})
	lazyOursNoLimit = lazyOursWith("lazy ours, no limit", multiselect.Limits{Timeout: multiselect.NoLimit})
	lazyGoms        = implementation{"lazy goms", lazyGomsInitiate, responding(gomsRespond)}
	// The eager ones negotiate first and then send the request. The difference is the
	// gain of a lazy stream.
	eagerOurs        = eager(ours)
	eagerOursNoLimit = eager(oursNoLimit)
)

// notLazy is the name of a variant that negotiates first.
const notLazy = "ours~ours, not lazy"

// lazyVariants are compared on each transport.
var lazyVariants = []variant{
	{theFloor, lazyFloor, lazyFloor},
	{"capped floor", cappedFloor, cappedFloor},
	{limitOn, lazyOurs, lazyOurs},
	{limitOff, lazyOursNoLimit, lazyOursNoLimit},
	{"goms~goms", lazyGoms, lazyGoms},
	{"ours~goms", lazyOurs, lazyGoms},
	{"goms~ours", lazyGoms, lazyOurs},
	{notLazy, eagerOurs, eagerOurs},
	{notLazy + ", no limit", eagerOursNoLimit, eagerOursNoLimit},
}

// The floor includes request and response in the flights, and reads each flight in one
// call.
func lazyFloorInitiate(s scenario) func(io.ReadWriteCloser) func() error {
	ask, answer := lazyFlights(s)
	return func(rw io.ReadWriteCloser) func() error { return floorSide(rw, ask, answer, false) }
}

func lazyFloorRespond(s scenario) func(io.ReadWriteCloser) func() error {
	ask, answer := lazyFlights(s)
	return func(rw io.ReadWriteCloser) func() error { return floorSide(rw, answer, ask, true) }
}

func lazyFlights(s scenario) (ask, answer [][]byte) {
	flight := wire.AppendMessage([]byte(wire.HeaderFrame), s.last())
	with := func(b []byte) [][]byte { return [][]byte{slices.Concat(flight, b)} }
	return with(request), with(response)
}

// The capped floor has a responder that does not read past the agreement and does not
// delay its answer, and an initiator that reads answer and response in one call if they
// have arrived together. The difference between it and a lazy variant is the cost of the
// library.
var cappedFloor = implementation{
	"capped floor",
	func(s scenario) func(io.ReadWriteCloser) func() error {
		asks, answers := lazyFlights(s)
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
	func(s scenario) func(io.ReadWriteCloser) func() error {
		_, flights := lazyFlights(s)
		return func(rw io.ReadWriteCloser) func() error {
			buf := make([]byte, len(flights[0]))
			agreement := flights[0][:len(buf)-len(response)]
			return func() error {
				if n, err := rw.Read(buf[:len(agreement)]); err != nil || n != len(agreement) {
					return splitFlightError(n, err)
				}
				if _, err := rw.Write(agreement); err != nil {
					return err
				}
				if n, err := rw.Read(buf[len(agreement):]); err != nil || n != len(request) {
					return splitFlightError(n, err)
				}
				_, err := rw.Write(response)
				return err
			}
		}
	},
}

func lazyOursWith(name string, l multiselect.Limits) implementation {
	cl, ctx := &multiselect.Client{Limits: l}, context.Background()
	return implementation{
		name,
		func(s scenario) func(io.ReadWriteCloser) func() error {
			return func(rw io.ReadWriteCloser) func() error {
				buf := make([]byte, len(response))
				return func() error {
					lazy, err := cl.Lazy(ctx, rw, s.last())
					if err != nil {
						return err
					}
					return sendRequest(lazy, buf)
				}
			}
		},
		responding(oursWith(name, l).respond),
	}
}

func lazyGomsInitiate(s scenario) func(io.ReadWriteCloser) func() error {
	return func(rw io.ReadWriteCloser) func() error {
		buf := make([]byte, len(response))
		return func() error { return sendRequest(mss.NewMSSelect(rw, s.last()), buf) }
	}
}

func eager(i implementation) implementation {
	return implementation{"eager " + i.name, requesting(i.initiate), responding(i.respond)}
}

// requesting adds the request to an initiator, after the agreement.
func requesting(negotiate role) role {
	return func(s scenario) func(io.ReadWriteCloser) func() error {
		prepare := negotiate(s)
		return func(rw io.ReadWriteCloser) func() error {
			once, buf := prepare(rw), make([]byte, len(response))
			return func() error {
				if err := once(); err != nil {
					return err
				}
				return sendRequest(rw, buf)
			}
		}
	}
}

// responding adds the response to a responder, after the agreement.
func responding(negotiate role) role {
	return func(s scenario) func(io.ReadWriteCloser) func() error {
		prepare := negotiate(s)
		return func(rw io.ReadWriteCloser) func() error {
			once, buf := prepare(rw), make([]byte, len(request))
			return func() error {
				if err := once(); err != nil {
					return err
				}
				if n, err := rw.Read(buf); err != nil || n != len(request) {
					return splitFlightError(n, err)
				}
				_, err := rw.Write(response)
				return err
			}
		}
	}
}

// sendRequest sends the request and reads the response into buf.
func sendRequest(rw io.ReadWriter, buf []byte) error {
	if _, err := rw.Write(request); err != nil {
		return err
	}
	if n, err := rw.Read(buf); err != nil || n != len(buf) { // one Read, like the floor
		return splitFlightError(n, err)
	}
	return nil
}
