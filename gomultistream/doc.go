// Package multistream is a drop-in for github.com/multiformats/go-multistream v0.6.1
// on the core of [github.com/multiselect/multiselect]: the same exported API, so that
// go-libp2p, kubo and whoever else uses it changes by a replace line in go.mod.
//
//	go mod edit -replace github.com/multiformats/go-multistream=github.com/multiselect/multiselect/gomultistream@v0.1.0
//
// The responder is [MultistreamMuxer]; the initiator is [SelectOneOf] or, without a
// round trip, [NewMSSelect]. New programs are better off with the core itself, which
// has contexts, limits, traces and errors that explain.
//
// # What is the same
//
//   - Not a byte behind the agreement is read, and the stream is handed on as it is.
//   - The responder sends its header before it has read a word: there are initiators
//     that wait for it (go-multistream#27). Each answer is one write.
//   - Header and first proposal are one write, and on a lazy stream the first data,
//     too (go-multistream#21, #32).
//   - Handlers are asked in the order in which they were added, names and match
//     functions alike; what is added again goes to the end.
//   - A responder whose peer does not hear the header or the agreement serves all the
//     same (go-multistream#87, #89).
//   - "ls" is an unknown protocol (go-multistream#76). Messages have at most 1024 bytes.
//   - [ErrNotSupported] is a value, with Is, that differs by the type of the names
//     (go-multistream#97, #100). [io.EOF], [ErrTooLarge], [ErrIncorrectVersion] and the
//     errors of the stream are returned as they are.
//   - Whatever fails, the stream is the caller's to end, with the code that the caller
//     has for it. [ErrIncorrectVersion] closes it.
//   - Handlers may be nil. Panics of streams and match functions are errors
//     (go-multistream#81).
//   - net.Pipe, and streams that have neither a LocalAddr nor a Reset nor deadlines, such
//     as two io.Pipe, work with both sides writing first (go-multistream#29).
//   - Flush and Close of a lazy stream send the header (go-multistream#52). Its Read and
//     Write may be called at once, also in testing/synctest (go-multistream#120).
//
// # What is different
//
// Of each: what go-multistream does, what this package does, why, and where it was
// asked for. Where no thread stands, none was found.
//
//	Close of a lazy stream, with a silent peer
//	  there   waits for ever
//	  here    returns; a goroutine hears the answer, for 10 s at most
//	  why     workers stood in it for days: go-libp2p#3448, boxo#1142, go-multistream#115
//
//	Close of a lazy stream, with 1024 others that still wait for their answer
//	  there   waits
//	  here    resets the stream, and returns an error that is multiselect.ErrLimit
//	  why     nothing is without a bound; LingerStats of the core counts them
//
//	an answer that comes more than 10 s after the first Write of a lazy stream
//	  there   is heard, if the caller has set no deadline
//	  here    finds the stream reset
//	  why     it is the time for the negotiation, whoever waits for it
//
//	a deadline that passes while a lazy stream waits for the answer
//	  there   is the error of every later Read, also when the deadline was moved
//	  here    is returned to who waits, and forgotten
//	  why     a good reply was lost
//
//	the count of a lazy Write that fails
//	  there   counts data that did not leave
//	  here    is exact
//	  why     who goes on behind n loses data
//
//	early data that could be read as a proposal
//	  there   is sent; a peer that refuses may open another protocol with it
//	  here    waits for the answer (R29), for 10 s at most whatever write deadline the
//	          stream below has
//	  why     "lazy negotiation is unsound": go-multistream#20
//
//	a lazy stream whose protocol the peer refuses
//	  there   Read fails, Write goes on writing
//	  here    when the answer is read the stream is reset, and all calls but Close
//	          return ErrNotSupported
//	  why     nothing that is written can arrive: go-multistream#84
//
//	a lazy stream whose Read fails before the answer is there
//	  there   Write goes on writing
//	  here    the stream is reset, on streams without LocalAddr also when only Write is
//	          called: end their reading half when the protocol is agreed, not before
//	  why     what is written without an answer may be dropped
//
//	Read of a lazy stream behind its Close
//	  there   returns the stream's own error
//	  here    net.ErrClosed
//	  why     the stream may still be waiting for its answer
//
//	a stream without a buffer that looks as if it had one: a LocalAddr, say
//	  there   a goroutine writes what the initiator says first
//	  here    two sides that both write first wait until the time is over
//	  why     a goroutine for each negotiation, for what is no transport
//
//	an answer on a lazy stream that is neither the protocol nor "na"
//	  there   an error without a name
//	  here    ErrUnrecognizedResponse, and ErrIncorrectVersion for the header, as elsewhere
//	  why     one fact, one error
//
//	a peer that does not answer, or does not ask
//	  there   is waited for for ever
//	  here    for a minute, on a lazy stream for 10 s; the deadlines of the stream below
//	          hold where it is read or written itself
//	  why     go-multistream#47, #48, open since 2019; go-libp2p waits for 10 s
//
//	the goroutine that reads the answer on a lazy stream
//	  there   is there until the stream ends
//	  here    for 10 s at most; on a stream with LocalAddr there is none
//	  why     50 streams to a silent peer left 50 goroutines
//
//	proposals are bounded
//	  there   any number is answered
//	  here    128 and 64 KiB on a stream (R27)
//	  why     300 000 were answered in 3 s
//
//	a match function that changes the muxer
//	  there   waits for itself
//	  here    may
//	  why     it is called without a lock held
//
//	a name that cannot be proposed is refused before a byte is sent
//	  there   "", "na", "ls", the header, names with a newline or too long are sent; "na"
//	          takes a refusal for success
//	  here    multiselect.ErrInvalidName (R9); on a lazy stream also for a name that is
//	          blank at an end, and the stream is ended
//	  why     no peer can agree to them, or does by mistake
//
//	a name that cannot be proposed is not agreed to
//	  there   can be added, and is agreed to
//	  here    is held, for Protocols and RemoveHandler, and answered "na"
//	  why     the same
//
//	a protocol that is listed twice is proposed once
//	  there   twice
//	  here    once
//	  why     the answer is known
//
//	the header is compared as it arrives
//	  there   it is read as a message, and the next message, too, before SelectOneOf fails
//	  here    the first byte that differs ends it (R3), as ErrIncorrectVersion
//	  why     an HTTP server was waited for
//
//	an answer that came before its question is none
//	  there   it is the answer to the next question
//	  here    ErrUnrecognizedResponse (R14)
//	  why     who takes it for one is out of step
//
//	who was refused must hear the agreement
//	  there   a responder goes on when it could not be written
//	  here    unless it refused something before (R17), or the write ran into a deadline
//	  why     the peer cannot know which protocol it is
//
//	answers to proposals that came together leave together, or not at all
//	  there   one write each
//	  here    one write
//	  why     fewer packets
//
//	broken framing: which of two faults is named, and how much is read after it
//	  there   a length is read to its end and then judged
//	  here    a third length byte is ErrTooLarge
//	  why     it cannot be less
//
//	how much is read when the negotiation has failed
//	  there   the message that it failed on, or two of them
//	  here    that message, or as much as the shortest name could have taken
//	  why     fewer reads
//
//	a panic
//	  there   is printed to standard error, and returned
//	  here    is returned
//	  why     standard error is the program's
//
//	Handle with a nil handler
//	  there   panics
//	  here    multiselect.ErrNoHandler
//	  why     it is for Negotiate
//
//	the second Close of a lazy stream
//	  there   closes the stream again
//	  here    returns nil
//	  why     the stream is closed, or about to be
//
//	early data over net.Pipe
//	  there   leaves with the proposal
//	  here    waits for the answer
//	  why     the peer reads it behind its answer in any case
//
//	the version of Go
//	  there   1.23
//	  here    1.26: go mod tidy raises the go line of your go.mod, and with it the
//	          defaults of GODEBUG
//	  why     the core needs it
//
// R numbers are the rules of docs/protocol.md.
package multistream
