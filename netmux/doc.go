// Package netmux serves several protocols on one port, and dials them. The two peers agree on
// the protocol of each connection: by multistream-select 1.0, or over TLS by ALPN. A [Server]
// accepts the connections, a [Listener] passes those of its protocols to a server such as
// net/http's, and a [Dialer] is the other end. The package uses only the standard library
// and package multiselect.
//
// # Two protocols on one port
//
// HTTP runs on a [net.Listener], and an echo in serveEcho, a [multiselect.Handler]:
//
//	var srv netmux.Server
//	web, err := srv.ProtocolListener("http/1.1") // a net.Listener; it opens no port
//	…
//	go http.Serve(web, pages)
//	err = srv.Muxer.AddHandler("/echo/1.0.0", serveEcho) // called for each connection
//	…
//	port, err := net.Listen("tcp", ":8080")
//	…
//	err = srv.Serve(port) // returns after Shutdown or Close
//
// A Dialer fits where a dial function is expected, and can be used alone:
//
//	pages := &netmux.Dialer{Protocols: []string{"http/1.1"}}
//	client := http.Client{Transport: &http.Transport{DialContext: pages.DialContext}}
//
//	echo := &netmux.Dialer{Protocols: []string{"/echo/2.0.0", "/echo/1.0.0"}}
//	conn, protocol, err := echo.DialProtocol(ctx, "tcp", "example.com:8080")
//
// # Handlers and listeners
//
// There are two ways to serve a protocol. A handler is called in the goroutine of the
// connection, and [Server.Shutdown] waits until it returns. A Listener puts connections into a
// queue until another server accepts them; they belong to that server from then on.
//
// A handler must close its stream, itself or in a goroutine that it passes the stream to.
// [Stats].Leaked counts sockets that were never closed. Peers of such a connection wait for an
// end until the garbage collector has found it.
//
// Both get the connection itself and not a wrapper. The stream of a handler is a [net.Conn]: a
// [*net.TCPConn] that can be half-closed and spliced, or a [*tls.Conn] with its
// ConnectionState, from which net/http sets Request.TLS. No byte after the agreement has been
// read, and no deadline is set. Only a client that does not negotiate is served on a wrapper,
// which reads the bytes that were received before it was recognized. The wrapper has those of
// CloseWrite, CloseRead, SyscallConn, SetLinger and ConnectionState that the connection has;
// its NetConn returns the connection below, as that of a *tls.Conn does. So is the stream of a
// handler if [Server].MaxActive or FirstByteTimeout is set and the connection is not a plain TCP
// connection on Linux: the wrapper counts the bytes that are read.
//
// # TLS
//
// [Server.ServeTLS] and [Server.ListenAndServeTLS] serve TLS; [Server.ConfigureTLS] makes the
// configuration of a TLS listener for Serve. The protocols in Muxer are also the names that the
// server accepts by ALPN, so that an agreement costs no round trip. The order in which they are
// registered has no effect. The outcome depends on the names that the client offers:
//
//	no ALPN                    The peers negotiate on the encrypted connection.
//	a registered protocol      It is agreed on.
//	"/multistream/1.0.0", or   The peers negotiate on the encrypted connection.
//	a name in NextProtos
//	"acme-tls/1" in NextProtos The handshake answers a challenge of ACME.
//	only other names           The handshake fails with the alert no_application_protocol.
//
// A registered name has precedence over NextProtos, so that the configurations of packages
// autocert and certmagic serve HTTP/2 as they are. A GetConfigForClient decides for each server
// name: the NextProtos that it returns have precedence over registered names other than those
// of HTTP.
//
// If the client offers several names that the server accepts, the first decides. Browsers and
// curl offer "h2" and "http/1.1". An initiator of libp2p offers "libp2p", after the names of
// stream multiplexers in some cases; with TLSConfig.NextProtos = []string{"libp2p"} it
// negotiates on the encrypted connection.
//
// TLS and plain connections share a port with [Server].DetectTLS.
//
// # Clients that do not negotiate
//
// curl, for example, sends its request immediately. Every negotiation begins with the byte
// 0x13, which no HTTP request and no TLS handshake begins with. With
//
//	srv.Fallback = "http/1.1"
//
// a client that sends another first byte is served with that protocol. With
// [Server].FallbackAfter so is a client that has sent no byte for that time, because in its
// protocol the server sends first.
//
// # Half-open connections
//
// A connection is half-open from Accept until a protocol is agreed on. That must happen within
// Muxer.Limits.Timeout, 10 s by default, TLS handshake included; then the connection is reset.
// At most [Server].MaxHalfOpen connections are half-open, 4096 by default. When one more
// arrives, the server evicts the oldest and serves the new one. So no client is refused, and
// Accept does not block: a flood of f connections a second can only evict clients that need
// more than MaxHalfOpen / f seconds to agree.
//
// [Server.Stats] counts, and [Server].ConnError reports every connection that ended without an
// agreement.
//
// # Active connections and links
//
// A connection is active from the agreement until its handler has returned. By default the number
// of active connections is not bounded. [Server].MaxActive bounds it; one more evicts a connection
// on which the peer has sent nothing since the agreement, and is refused if there is none.
// FirstByteTimeout resets those on which the peer sends nothing for too long. A connection that a
// Listener has passed on is bounded by the server that accepts it.
//
// A [Link] is a connection with many streams, such as one of yamux or QUIC, that [Server.ServeLink]
// serves. Each stream counts as a connection. Links are bounded by MaxLinks, 4096 by default, and
// MaxLinksPerHost, 256, and LinkIdleTimeout ends those without an active stream.
//
// When the process is out of file descriptors, the server ends some connections and links at a
// time, and accepts again without a pause: half-open connections, those on which the peer has sent
// nothing since the agreement, and links without a stream that carries data. It takes them from
// the kind that uses most descriptors, the oldest first. With [Server].EvictActive it also ends
// those that carry data, when there is no other.
//
// Each limit is counted in [Stats] and reported to [Server].ConnError with a [*LimitError].
//
// # Shutdown
//
// [Server.Shutdown] closes the ports, resets half-open connections, and waits for handlers and
// queues. It does not end the contexts of handlers; [Server.RegisterOnShutdown] can tell those that
// run for long to finish. A server on a Listener owns connections of its own and is stopped first:
//
//	web.Drain(ctx)           // unregisters "http/1.1", and waits until the queue is accepted
//	httpServer.Shutdown(ctx) // waits until all requests are answered
//	err := srv.Shutdown(ctx) // waits until the handlers have returned
//	if err != nil {
//		log.Print(err) // ctx has ended: a *ShutdownError, which names what still runs
//		srv.Close()    // resets the other connections
//	}
package netmux
