package main

import (
	"context"
	"fmt"
	"io"
	"strconv"

	mss "github.com/multiformats/go-multistream"
	"github.com/multiselect/multiselect"
)

// speaker is one implementation of both roles.
type speaker struct {
	name     string
	initiate role
	respond  role
}

// role prepares one side of a talk, which returns what serves a stream, which
// returns what negotiates once on it. Only the last is timed where streams are
// established, and the last two where each negotiation has a new one.
type role func(talk) func(io.ReadWriteCloser) func() error

var (
	// ours is the exported API with its defaults, so with the budget.
	ours = oursWith("ours", multiselect.Limits{})
	// oursFree is the same without a budget.
	oursFree = oursWith("ours-free", multiselect.Limits{Timeout: -1})
	// goms is go-multistream, which has no budget.
	goms = speaker{"goms", gomsInitiate, gomsRespond}
)

func oursWith(name string, l multiselect.Limits) speaker {
	ctx := context.Background()
	return speaker{
		name,
		func(t talk) func(io.ReadWriteCloser) func() error {
			cl, want := &multiselect.Client{Limits: l}, t.last()
			return func(rw io.ReadWriteCloser) func() error {
				return func() error {
					got, err := cl.SelectOneOf(ctx, rw, t.proposals...)
					return agreed(got, want, err)
				}
			}
		},
		func(t talk) func(io.ReadWriteCloser) func() error {
			m, want := oursMuxer(t.serves), t.last()
			m.Limits = l
			return func(rw io.ReadWriteCloser) func() error {
				return func() error {
					got, _, err := m.Negotiate(ctx, rw)
					return agreed(got, want, err)
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

func gomsInitiate(t talk) func(io.ReadWriteCloser) func() error {
	want := t.last()
	return func(rw io.ReadWriteCloser) func() error {
		return func() error {
			got, err := mss.SelectOneOf(t.proposals, rw)
			return agreed(got, want, err)
		}
	}
}

func gomsRespond(t talk) func(io.ReadWriteCloser) func() error {
	m, want := gomsMuxer(t.serves), t.last()
	return func(rw io.ReadWriteCloser) func() error {
		return func() error {
			got, _, err := m.Negotiate(rw)
			return agreed(got, want, err)
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

// agreed fails a run in which the two did not agree on what they should.
func agreed(got, want string, err error) error {
	if err == nil && got != want {
		err = fmt.Errorf("agreed on %q, not on %q", got, want)
	}
	return err
}

// inPieces is the error of a floor that did not get its flight in one Read.
func inPieces(n int, err error) error {
	if err == nil {
		err = fmt.Errorf("a flight came in pieces, the first of %d bytes", n)
	}
	return err
}

func itoa(n int) string { return strconv.Itoa(n) }
