package main

import (
	"time"

	"github.com/multiselect/multiselect/wire"
)

// Sizes on the wire.
const (
	headerSize  = len(wire.HeaderFrame)
	refusalSize = 4 // "na" with its length and newline
	lsSize      = 4
	segmentSize = 1460 // what a TCP segment carries over Ethernet and IPv4
	envelope    = 52   // its IPv4 and TCP headers with time stamps, no link layer
)

// way is what one side sends. A flight is what leaves at one moment.
type way struct{ bytes, segments, flights int }

// flight adds writes that leave at the same moment.
func (w *way) flight(writes ...int) {
	w.flights++
	for _, size := range writes {
		w.bytes += size
		w.segments += (size + segmentSize - 1) / segmentSize
	}
}

// cost is what one negotiation takes. roundTrips are those before the payload
// that is served leaves, or before the initiator knows that there is nothing in
// common. Bytes of payload are in no way.
type cost struct {
	roundTrips int
	out, in    way // out is the initiator's
	lost       int // bytes of payload that were sent behind refused names
	behind     int // bytes of the answer that nobody waits for, because the payload has left
}

func (c cost) bytes() int { return c.out.bytes + c.in.bytes }

// packets are the bytes of all segments with their envelopes.
func (c cost) packets() int { return c.bytes() + envelope*(c.out.segments+c.in.segments) }

// exchange adds a flight of the initiator and the responder's answer to it.
func (c *cost) exchange(out int, in ...int) {
	c.out.flight(out)
	c.in.flight(in...)
}

// time is that until the payload leaves. It is exact while nobody waits for
// anything but the distance: the bytes take perByte each, and the two sides never
// send at once.
func (c cost) time(rtt, perByte time.Duration) time.Duration {
	return time.Duration(c.roundTrips)*rtt + time.Duration(c.bytes()+c.lost-c.behind)*perByte
}
