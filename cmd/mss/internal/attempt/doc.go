// Package attempt is the initiator of mss: it connects to a [Peer], negotiates, records the
// messages, and explains in words, or as a document, what happened and what to do next.
//
// It imports packages transport, terminal, address and exit. It reads no flag and writes
// only to the writers that it is given.
package attempt
