// Package conversation holds the library against the conformance cases: those of
// package conform, and those in testdata that concern only this library, in the format
// of conform/cases/README.md.
//
// Each case is played as responder or initiator, in every call that can play it, over
// TCP, net.Pipe, two io.Pipe and message channels, with the peer's bytes as the case
// has them, byte by byte, and cut at every place, with a trace and without. The tests
// check the bytes on the wire, the state of the stream, and the keys of a case that
// concern Go: error, phase, blame, received.
//
// The other tests of this package concern order and time, which a case cannot express.
package conversation
