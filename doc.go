// Package multiselect decides which protocol a stream will speak. It is
// multistream-select 1.0, the protocol negotiation of libp2p: both roles, for
// any stream, without dependencies.
//
//	> /multistream/1.0.0
//	> /echo/2.0.0
//	< /multistream/1.0.0
//	< na
//	> /echo/1.0.0
//	< /echo/1.0.0
//
// Two ends speak. The initiator (>) proposes protocols by name, the responder
// (<) agrees to one by saying it back, or answers "na". From there on the
// stream is the protocol's.
//
// # Three nouns
//
// [Muxer] is the responder. It holds the protocols that this side speaks:
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
// [Communicator] is for those who want the steps one by one, or who have
// messages and not a stream: [Client.Handshake], [Client.TrySelect],
// [Client.List], [Muxer.Handshake], [Muxer.NegotiateOn]. The calls on streams
// are the same loops on a Communicator of their own.
//
// # What is promised
//
// When a call succeeds, the stream is as if it had never been touched: not a
// byte behind the agreement has been read, no deadline was set or cleared, no
// goroutine, no timer and no wrapper is left. When it fails, the stream has
// been reset or closed, once, and the error says why; there is nothing to clean
// up.
//
// A negotiation is one write and one read on each side and starts no goroutine;
// with context.Background, without a trace, and for names that are registered
// as they are, it allocates nothing. The exception are streams whose Write
// waits for the peer's Read, such as [net.Pipe]: there a write goes on beside
// the next read, in a goroutine that has ended when the call returns.
//
// # Lazy streams
//
// [Client.Lazy] costs no round trip: the header and the proposal travel with the
// first bytes that are written, and the answer is taken off in front of the first
// that are read. It is for one protocol that the peer is known to speak.
//
//	stream, err := client.Lazy(ctx, conn, "/echo/1.0.0") // sends nothing
//	…
//	stream.Write(request) // header, proposal and request, in one write
//	stream.Read(reply)    // the answer, and then the reply
//
// A peer that refuses may read on, and take what was meant for the protocol as
// further proposals. So a guard lets only that travel early which no responder
// can take for one, however it reads lengths. It looks at the bytes: delimited
// protobuf leaves nearly always, text and longer binary requests in four cases of
// five, and the others wait for the answer; docs/protocol.md has figures. Switch it
// off with Client.Unguarded for peers that have Muxer.OneShot.
//
//	             pending                        agreed          failed
//	Write        what may travel leaves, the    the stream's    the *Error
//	             rest waits for the outcome
//	Read         waits for the outcome          the stream's    the *Error
//	CloseWrite   at once                        the stream's    the *Error
//	CloseRead    when the peer has answered     the stream's    the *Error
//	Close        at once; lingers               the stream's    the *Error
//	Reset        at once                        at once         nothing left to do
//
// Close never waits for the peer. It leaves a goroutine or two behind, for
// at most the budget, which sees to it that what was written arrives. A process
// that is about to exit waits with [LazyStream.Wait]. [LingerStats] counts.
//
// A lazy stream is one allocation, and one write and one read for a request and
// its reply, or two reads where the answer comes alone. It starts no goroutine
// unless a call with a deadline or a context waits for the answer, a Write waits, or
// the stream has no buffer.
//
// # Limits
//
// All on by default, all in [Limits]: 10 s for a whole negotiation, 1024 bytes
// for a message, 128 proposals and 64 KiB for a stream. Each can be moved: "If
// zero, N; if negative, no limit". A context ends a negotiation like the budget
// does. Both end the stream: with ResetWithError(uint32) error or Reset() error if
// it has such a method, and otherwise with a deadline that is over, if it has
// SetDeadline, and Close. One of these must make a blocked Read and Write
// return; with the streams of package net, crypto/tls, yamux and QUIC one does.
// Wrap a stream that calls its reset something else: quic-go's CancelRead and
// CancelWrite, or go-libp2p's ResetWithError, whose code has a type of its own.
//
// # Errors
//
// Every failure is an [*Error]: sentinel errors such as [ErrNotSupported] and
// [ErrNotMultistream] say what happened and are found with [errors.Is]; the
// fields say where, with the bytes that the peer sent; [Error.Blame] says whose
// fault it was. [CommunicatorError] inside it means that the stream failed or
// that what arrived is no message. [WithTrace] shows the conversation itself.
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
//	MultiselectCommunicator(rw), read, write   NewCommunicator, Communicator.ReadMessage, Communicator.WriteMessages
//	IMultiselectCommunicator                   MessageChannel
//	IMultiselectMuxer, IMultiselectClient      none: each has one implementation
//	MultiselectError                           *Error with Role Responder
//	MultiselectClientError                     *Error with Role Initiator
//	MultiselectCommunicatorError               *CommunicatorError
//
// # What it does not do
//
// It does not choose for the initiator: the first name that the responder knows
// wins. It does not protect the negotiation: on an unencrypted stream whoever
// is in between can change it. It does not count streams. Names are compared,
// never understood, unless a [Matcher] is registered.
//
// The rules of the protocol are numbered in docs/protocol.md, and cited as R1
// to R32 where they are enforced: read step.go first.
package multiselect
