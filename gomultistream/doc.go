// Package multistream is a drop-in for github.com/multiformats/go-multistream v0.6.1.
// Its directory is called gomultistream because the package replaces that one: programs
// keep the import path and the package name that they have, and only go.mod changes.
//
//	go mod edit -replace \
//	  github.com/multiformats/go-multistream=github.com/multiselect/multiselect/gomultistream@v0.1.0
//
// The package config sets limits, traces, metrics and the times that are named below.
//
// The exported API is that of go-multistream; the negotiation is done by
// [github.com/multiselect/multiselect]. The responder is [MultistreamMuxer]. The
// initiator is [SelectOneOf] or, without a round trip, [NewMSSelect]. New programs
// should use multiselect itself, which adds contexts, limits, traces and detailed errors.
//
// # Common behaviour
//
//   - Nothing after the agreement is read, and the stream is returned unwrapped.
//   - The responder sends its header to initiators that wait for it (go-multistream#27), and
//     each answer in one write.
//   - The header and the first proposal are one write, which on a lazy stream includes
//     the first data (go-multistream#21, #32).
//   - Handlers are tried in the order in which they were added, names and match functions
//     alike. Adding one again moves it to the end.
//   - A responder that cannot deliver the header or the agreement still serves the stream
//     (go-multistream#87, #89).
//   - "ls" is an unknown protocol (go-multistream#76). Messages have at most 1024 bytes.
//   - [ErrNotSupported] is a value with an Is method; instances for different types of
//     names differ (go-multistream#97, #100). [io.EOF], [ErrTooLarge],
//     [ErrIncorrectVersion] and the errors of the stream are returned unwrapped.
//   - After an error the caller ends the stream, with a code of its choice. Only
//     [ErrIncorrectVersion] closes it.
//   - Handlers may be nil. Panics of streams and match functions become errors
//     (go-multistream#81).
//   - net.Pipe, and streams that have neither a LocalAddr nor a Reset nor deadlines, such
//     as two io.Pipe, work although both sides write first (go-multistream#29).
//   - Flush and Close of a lazy stream send the header (go-multistream#52). Its Read and
//     Write may be called concurrently, also in testing/synctest (go-multistream#120).
//
// # Differences
//
// Each entry has the behaviour of go-multistream (there), the behaviour of this package
// (here), and the reason, with the public thread that asks for it where one was found.
//
//	Close of a lazy stream, with a silent peer
//	  there   blocks without a limit
//	  here    half-closes the stream and blocks for at most 150 ms; then a goroutine reads the
//	          answer, for at most 10 s
//	  why     it blocked workers for days: go-libp2p#3448, boxo#1142, go-multistream#115
//
//	the connection is closed, or the program ends, while an answer takes more than 150 ms
//	  there   Close of the lazy stream has blocked until the answer arrived
//	  here    written data may be lost: set a longer CloseWait in the package config, or call
//	          multiselect.Drain before the connection is closed
//	  why     Close does not block as long as a peer likes it to
//
//	the header of the responder is sent with its first answer
//	  there   it is sent before anything is read, in a write of its own
//	  here    it is sent with the answer to the first proposal, when the peer's header has
//	          arrived alone, or after 20 ms without either; not to a peer whose first message is
//	          not the header
//	  why     it saves a frame of each stream
//
//	Close of a lazy stream, while 1024 others still wait for their answer
//	  there   blocks
//	  here    closes this stream as usual, and resets the oldest of the remote host that
//	          has the most; streams without a RemoteAddr count as those of one host
//	  why     everything is bounded; multiselect.LingerStats counts these streams
//
//	an answer that arrives more than 10 s after the first Write of a lazy stream
//	  there   is read, if the caller has set no deadline
//	  here    arrives on a stream that was reset
//	  why     10 s is the time limit of a lazy negotiation, for all its callers together
//
//	a deadline that expires while a lazy stream waits for the answer
//	  there   is the error of every later Read, even after the deadline was moved
//	  here    is returned to the blocked calls only
//	  why     a good reply was lost
//
//	the count of a lazy Write that fails
//	  there   includes data that was not sent
//	  here    is exact
//	  why     a caller that continues after n bytes would lose data
//
//	early data that could be read as a proposal
//	  there   is sent; a peer that refuses may open another protocol with it
//	  here    waits for the answer (R29), for at most 10 s, whatever write deadline the
//	          stream below has
//	  why     "lazy negotiation is unsound": go-multistream#20
//
//	a lazy stream whose protocol the peer refuses
//	  there   Read fails, Write continues to write
//	  here    the stream is reset as soon as the answer is read, and all calls except
//	          Close return ErrNotSupported
//	  why     written data could not arrive: go-multistream#84
//
//	a lazy stream whose Read fails before the answer has arrived
//	  there   Write continues to write
//	  here    the stream is reset, on streams without LocalAddr also if only Write is
//	          called, from the second one on: end their reading half after the agreement, not
//	          before
//	  why     data that is written without an answer may be dropped
//
//	Read of a lazy stream after its Close
//	  there   returns the stream's own error
//	  here    returns net.ErrClosed
//	  why     the stream may still be waiting for its answer
//
//	a stream without a buffer that looks buffered: it has a LocalAddr, say
//	  there   a goroutine writes the initiator's first message
//	  here    if both sides write first they block until the time limit
//	  why     it saves a goroutine for each negotiation; no transport is such a stream
//
//	an answer on a lazy stream that is neither the protocol nor "na"
//	  there   an unnamed error
//	  here    ErrUnrecognizedResponse, and ErrIncorrectVersion for a wrong header, as in
//	          SelectOneOf
//	  why     one fault should have one error
//
//	a peer that sends no answer, or no proposal
//	  there   the call blocks without a limit
//	  here    it blocks for at most a minute, on a lazy stream 10 s; deadlines of the
//	          stream below count wherever that stream is read or written itself
//	  why     go-multistream#47, #48, open since 2019; go-libp2p sets a limit of 10 s
//
//	the goroutine that reads the answer on a lazy stream
//	  there   runs until the stream ends
//	  here    is started by the second Write, or a first of more than 4 KiB, and runs for at
//	          most 10 s; on a stream with LocalAddr there is none
//	  why     50 streams to a silent peer left 50 goroutines, and most streams write one
//	          request and read the reply
//
//	proposals are bounded
//	  there   any number is answered
//	  here    at most 128 proposals and 64 KiB on a stream (R27)
//	  why     300 000 were answered in 3 s
//
//	a match function that changes the muxer
//	  there   deadlocks
//	  here    works
//	  why     no lock is held during the call
//
//	a name that cannot be proposed is refused before a byte is sent
//	  there   "", "na", "ls", the header, names with a newline or too long are sent; for
//	          "na" a refusal counts as success
//	  here    multiselect.ErrInvalidName (R9); on a lazy stream also for a name that
//	          begins or ends with white space or NUL, and the stream is ended
//	  why     a peer could agree to such a name only by mistake
//
//	a name that cannot be proposed is not agreed to
//	  there   can be added, and is agreed to
//	  here    is kept for Protocols and RemoveHandler, and answered "na"
//	  why     a peer could propose such a name only by mistake
//
//	a protocol that is listed twice is proposed once
//	  there   twice
//	  here    once
//	  why     the answer is known
//
//	the header is compared as it arrives
//	  there   it is read as a message, as is the next message, before SelectOneOf fails
//	  here    the first byte that differs ends the negotiation (R3): ErrIncorrectVersion
//	  why     the initiator blocked on an HTTP server
//
//	an answer that came before its question is none
//	  there   it counts as the answer to the next question
//	  here    ErrUnrecognizedResponse (R14)
//	  why     otherwise every later answer would be matched to the wrong question
//
//	a peer that was refused must receive the agreement
//	  there   the responder continues if the agreement could not be written
//	  here    it fails after a refusal (R17), and if the write ran into a deadline
//	  why     the peer could not know the protocol
//
//	answers to proposals that came together leave together, or not at all
//	  there   one write each
//	  here    one write
//	  why     fewer packets
//
//	broken framing: which of two faults is named, and how much is read after it
//	  there   a length is read to its end and then judged
//	  here    a third length byte is ErrTooLarge
//	  why     the length exceeds 1024 in any case
//
//	how much is read when the negotiation has failed
//	  there   the message that failed it, or two of them
//	  here    that message, or as many bytes as the shortest name could have taken
//	  why     fewer reads
//
//	a panic
//	  there   is printed to standard error, and returned
//	  here    is returned
//	  why     standard error is the program's
//
//	Handle with a nil handler
//	  there   panics
//	  here    returns multiselect.ErrNoHandler
//	  why     nil handlers are meant for Negotiate
//
//	the second Close of a lazy stream
//	  there   closes the stream again
//	  here    returns nil
//	  why     the stream is closed already, or its goroutine is about to close it
//
//	early data over net.Pipe
//	  there   is sent with the proposal
//	  here    waits for the answer
//	  why     the peer reads it only after it has answered in either case
//
//	the version of Go
//	  there   1.23
//	  here    1.26: go mod tidy raises the go line of your go.mod, and with it the
//	          defaults of GODEBUG
//	  why     multiselect needs it
//
// R numbers are the rules of docs/protocol.md.
package multistream
