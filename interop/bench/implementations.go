package main

import (
	"context"
	"fmt"
	"io"
	"strconv"

	mss "github.com/multiformats/go-multistream"
	"github.com/multiselect/multiselect"
)

// implementation is an implementation of both roles.
type implementation struct {
	name     string
	initiate role
	respond  role
}

// role is one side of a negotiation. It prepares a scenario and returns a function that
// prepares a stream; that function returns one that negotiates once on the stream. On
// established streams only the last one is timed, and on new streams the last two.
type role func(scenario) func(io.ReadWriteCloser) func() error

var (
	// ours is the exported API with its defaults, which include the time limit.
	ours = oursWith("ours", multiselect.Limits{})
	// oursNoLimit is the exported API with the time limit switched off.
	oursNoLimit = oursWith("ours, no limit", multiselect.Limits{Timeout: multiselect.NoLimit})
	// goms is go-multistream, which has no time limit.
	goms = implementation{"goms", gomsInitiate, gomsRespond}
)

func oursWith(name string, l multiselect.Limits) implementation {
	ctx := context.Background()
	return implementation{
		name,
		func(s scenario) func(io.ReadWriteCloser) func() error {
			cl, want := &multiselect.Client{Limits: l}, s.last()
			return func(rw io.ReadWriteCloser) func() error {
				return func() error {
					got, err := cl.SelectOneOf(ctx, rw, s.proposals...)
					return checkAgreement(got, want, err)
				}
			}
		},
		func(s scenario) func(io.ReadWriteCloser) func() error {
			m, want := oursMuxer(s.serves), s.last()
			m.Limits = l
			return func(rw io.ReadWriteCloser) func() error {
				return func() error {
					got, _, err := m.Negotiate(ctx, rw)
					return checkAgreement(got, want, err)
				}
			}
		},
	}
}

func oursMuxer(names []string) *multiselect.Muxer {
	m := new(multiselect.Muxer)
	for _, name := range names {
		if err := m.AddHandler(name, func(context.Context, string, io.ReadWriteCloser) {}); err != nil {
			panic(err) // the names are constants
		}
	}
	return m
}

func gomsInitiate(s scenario) func(io.ReadWriteCloser) func() error {
	want := s.last()
	return func(rw io.ReadWriteCloser) func() error {
		return func() error {
			got, err := mss.SelectOneOf(s.proposals, rw)
			return checkAgreement(got, want, err)
		}
	}
}

func gomsRespond(s scenario) func(io.ReadWriteCloser) func() error {
	m, want := gomsMuxer(s.serves), s.last()
	return func(rw io.ReadWriteCloser) func() error {
		return func() error {
			got, _, err := m.Negotiate(rw)
			return checkAgreement(got, want, err)
		}
	}
}

func gomsMuxer(names []string) *mss.MultistreamMuxer[string] {
	m := mss.NewMultistreamMuxer[string]()
	for _, name := range names {
		m.AddHandler(name, func(string, io.ReadWriteCloser) error { return nil })
	}
	return m
}

// checkAgreement returns err, or an error if the wrong protocol was agreed on.
func checkAgreement(got, want string, err error) error {
	if err == nil && got != want {
		err = fmt.Errorf("agreed on %q, not on %q", got, want)
	}
	return err
}

// splitFlightError returns the error of a floor that did not read its flight in one Read.
func splitFlightError(n int, err error) error {
	if err == nil {
		err = fmt.Errorf("a flight arrived in pieces, the first of %d bytes", n)
	}
	return err
}

func itoa(n int) string { return strconv.Itoa(n) }
