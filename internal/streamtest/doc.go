// Package streamtest holds the streams, peers and certificates that the tests of
// several packages share. Each exists once, so that a half-closed or reset stream has one
// meaning in all tests.
//
//   - [Pipe] connects two streams in memory: buffers, deadlines, half-close, reset.
//   - [Script] is a stream whose peer has sent everything beforehand.
//   - [Peer] is the other end of a conversation: it reads concurrently all the time.
//   - [Tap] and [Counter] wrap a stream and record the calls.
//   - [TCP], [Unix], [IOPipes] and [Transports] connect two ends in other ways.
//   - [TLS] makes a certificate for one run.
//   - [Await] and [LeastAllocs] judge what a busy machine does not change.
//
// The package is for tests only. It does not import the root package, so that
// tests inside that package can use it, too.
package streamtest
