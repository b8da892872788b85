// Package multiselect decides which protocol a stream will speak. It implements multistream-select
// 1.0, the protocol negotiation of libp2p: both roles, for any stream, without dependencies.
//
//	> /multistream/1.0.0
//	> /echo/2.0.0
//	< /multistream/1.0.0
//	< na
//	> /echo/1.0.0
//	< /echo/1.0.0
//
// The initiator (>) proposes protocols by name. The responder (<) agrees to one by echoing its
// name, or refuses it with "na". After the echo the stream belongs to the protocol.
//
// # Three types
//
// [Muxer] is the responder. It holds the protocols of this side:
//
//	var mux multiselect.Muxer
//	err := mux.AddHandler("/echo/1.0.0", serveEcho)
//	…
//	err = mux.ServeStream(ctx, conn) // negotiates, then calls serveEcho
//
// [Client] is the initiator:
//
//	var client multiselect.Client
//	protocol, err := client.SelectOneOf(ctx, conn, "/echo/2.0.0", "/echo/1.0.0")
//
// [Communicator] exchanges single messages. It is for callers that negotiate in steps, or over a
// message channel: [Client.Handshake], [Client.TrySelect], [Client.List], [Client.SelectOn],
// [Muxer.Handshake], [Muxer.NegotiateOn].
//
// A Muxer is a protocol muxer. Yamux and its like, which libp2p calls muxers, are called stream
// multiplexers here.
//
// # Guarantees
//
// After a call has succeeded, the stream is as it was before: no byte after the agreement has been
// read, no deadline was set or cleared, and no goroutine, timer or wrapper is left. After a call
// has failed, the stream has been reset or closed, once, and the error says why; the caller has
// nothing to clean up.
//
// A negotiation is one write and one read on each side and starts no goroutine. With
// [context.Background], without a trace, and for registered names, it allocates nothing. Streams
// whose Write blocks until the peer reads, such as [net.Pipe], are the exception: there a write
// runs concurrently with the next read, in a goroutine that ends before the call returns (R28).
//
// # Lazy streams
//
// [Client.Lazy] costs no round trip. The header and the proposal travel with the first bytes that
// are written, and the answer is removed before the first bytes that are read. It is for a single
// protocol that the peer is known to speak.
//
//	stream, err := client.Lazy(ctx, conn, "/echo/1.0.0") // sends nothing
//	…
//	stream.Write(request) // header, proposal and request, in one write
//	stream.Read(reply)    // the answer, and then the reply
//
// A peer that refuses may read on, and read the request as further proposals. A guard therefore
// sends early only data that no responder can mistake for a proposal (R29); other data waits for
// the answer. Delimited protobuf nearly always passes, and text and longer binary requests in four
// cases of five: docs/protocol.md has figures. [Client].Unguarded switches the guard off, for peers
// that use [Muxer].OneShot.
//
//	             pending                        agreed          failed
//	Write        sends early data; other        the stream's    the *Error
//	             data waits for the outcome
//	Read         waits for the outcome          the stream's    the *Error
//	CloseWrite   immediately                    the stream's    the *Error
//	CloseRead    after the peer's answer        the stream's    the *Error
//	Close        immediately; lingers           the stream's    the *Error
//	Reset        immediately                    immediately     no effect on the stream
//
// Close never waits for the peer (R31). It starts one or two goroutines that deliver the written
// data, for at most the time limit. A process that is about to exit, or to close the connections
// below its streams, should call [Drain] first. [LingerStats] counts the streams.
//
// A lazy stream is one allocation. A request and its reply are one write and one read, or two reads
// if the answer arrives alone. Besides Close and CloseRead, it starts a goroutine only if a call
// with a deadline or a context waits for the answer, if a Write waits, or if the stream has no
// buffer or no deadlines.
//
// # Limits
//
// Every negotiation is bounded, see [Limits]: by default 10 s for all of it, 1024 bytes a message,
// 128 proposals and 64 KiB a stream. The end of the context ends a negotiation as the time limit
// does. Both end the stream: with ResetWithError(uint32) error or Reset() error if it has such a
// method, otherwise with SetDeadline in the past, if it has that, and Close (R25). The method used
// must unblock Read and Write; the streams of package net, crypto/tls, yamux and QUIC meet this. A
// stream whose reset has another name must be wrapped: quic-go's CancelRead and CancelWrite, or
// go-libp2p's ResetWithError, whose code has a type of its own.
//
// # Errors
//
// Every failure is an [*Error]. Sentinel errors such as [ErrNotSupported] and [ErrNotMultistream]
// name the cause, for [errors.Is]; the fields have the place and the peer's bytes; [Error.Blame]
// names the side at fault. [CommunicatorError] inside it means that the stream failed, or that the
// bytes are no message. [WithTrace] shows the conversation.
//
// # Coming from py-libp2p
//
//	Multiselect(default_handlers)              NewMuxer(handlers), or a zero Muxer
//	Multiselect.handlers                       Muxer.Handlers
//	Multiselect.add_handler                    Muxer.AddHandler
//	Multiselect.get_protocols                  Muxer.Protocols
//	Multiselect.handshake(communicator)        Muxer.Handshake
//	Multiselect.negotiate(communicator)        Muxer.NegotiateOn; Muxer.Negotiate on a stream
//	is_valid_handshake                         IsValidHandshake
//	MultiselectClient.handshake                Client.Handshake
//	MultiselectClient.select_one_of            Client.SelectOn; Client.SelectOneOf on a stream
//	MultiselectClient.try_select               Client.TrySelect
//	MultiselectCommunicator(rw), read, write   NewCommunicator, ReadMessage, WriteMessages
//	IMultiselectCommunicator                   MessageChannel
//	IMultiselectMuxer, IMultiselectClient      none: each has one implementation
//	MultiselectError                           *Error with Role Responder
//	MultiselectClientError                     *Error with Role Initiator
//	MultiselectCommunicatorError               *CommunicatorError
//
// # Limitations
//
// The responder does not choose: the first proposal that it knows wins. The negotiation is not
// protected: on an unencrypted stream an attacker on the path can change it. Streams are not
// counted. Names are compared and not interpreted, unless a [Matcher] is registered.
//
// The rules of the protocol are numbered R1 to R32 in docs/protocol.md and cited where they are
// enforced. Their decisions are in internal/rules, which is the place to start reading.
package multiselect
