package main

import "io"

// The floor transfers the bytes of a negotiation without a protocol: one Write and one Read
// for each flight and side, with separate buffers of the exact size. It has no look-up and
// no pool, and checks only the length of the bytes that arrive.
var floor = implementation{
	"floor",
	func(s scenario) func(io.ReadWriteCloser) func() error {
		asks, answers := s.flights()
		return func(rw io.ReadWriteCloser) func() error { return floorSide(rw, asks, answers, false) }
	},
	func(s scenario) func(io.ReadWriteCloser) func() error {
		asks, answers := s.flights()
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
				return splitFlightError(n, err)
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
