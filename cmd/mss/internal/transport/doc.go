// Package transport opens and accepts the streams on which mss negotiates: over TCP, unix
// sockets, TLS, QUIC, yamux and the layers of libp2p. All of them look alike: a [Stream]
// ends one half alone, is reset, and returns an [EndError] if its peer reset it.
//
// It imports packages address and exit. A libp2p connection needs negotiations below its
// streams; these are made by the caller, as [Steps] of a client and [Host] of a server. A
// server accepts connections from a [Listener] and serves them with package netmux.
package transport
