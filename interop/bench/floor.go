package main

import "io"

// The floor is the same bytes with no protocol in it: one Write and one Read
// per flight and side, each with a buffer of its own that is just large enough.
// No look-up, no pool, no check of what arrived beyond its length.
var floor = speaker{
	"floor",
	func(t talk) func(io.ReadWriteCloser) func() error {
		asks, answers := t.flights()
		return func(rw io.ReadWriteCloser) func() error { return floorSide(rw, asks, answers, false) }
	},
	func(t talk) func(io.ReadWriteCloser) func() error {
		asks, answers := t.flights()
		return func(rw io.ReadWriteCloser) func() error { return floorSide(rw, answers, asks, true) }
	},
}

func floorSide(rw io.ReadWriteCloser, out, in [][]byte, readFirst bool) func() error {
	buf := make([]byte, len(in[0]))
	return func() error {
		for i := range out {
			if !readFirst {
				if _, err := rw.Write(out[i]); err != nil {
					return err
				}
			}
			if n, err := rw.Read(buf[:len(in[i])]); err != nil || n != len(in[i]) {
				return inPieces(n, err)
			}
			if readFirst {
				if _, err := rw.Write(out[i]); err != nil {
					return err
				}
			}
		}
		return nil
	}
}
