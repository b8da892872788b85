// Package netmux serves many protocols on one port, and dials them. The peers
// agree on the protocol of each connection by multistream-select, or by TLS's
// ALPN; nobody guesses from the first bytes. It needs nothing but the standard
// library, and its shapes are those of net and net/http.
//
//	var srv netmux.Server
//	web, err := srv.ProtocolListener("http/1.1", "h2")
//	…
//	err = srv.Muxer.AddHandler("/echo/1.0.0", serveEcho)
//	…
//	go http.Serve(web, pages)
//	err = srv.ListenAndServe()
//
// and elsewhere
//
//	dialer := &netmux.Dialer{Protocols: []string{"http/1.1"}}
//	client := http.Client{Transport: &http.Transport{DialContext: dialer.DialContext}}
//
// # Two ways to serve a protocol
//
// A [multiselect.Handler] in [Server].Muxer is called for each connection, and
// [Server.Shutdown] waits until it returns. [Server.ProtocolListener] returns a
// [net.Listener] instead, for servers that want one: net/http's, gRPC's. What it
// has accepted belongs to that server; stop it first, and then this one.
//
// Either way they get the connection as the server's own listener has accepted
// it, and no wrapper: a [*net.TCPConn] can be half-closed and spliced, and a
// [*tls.Conn] has its ConnectionState, so that http.Request.TLS is right.
// Nothing has been read behind the agreement, and no deadline is set. Only a
// connection that goes to [Server].Fallback because of its first byte is
// wrapped: what was read has to stand in front again.
//
// # What cannot be taken away
//
// A connection is half-open from Accept until a protocol is agreed on. The time
// for that, TLS included, is Muxer.Limits.Timeout: 10 s. At most
// [Server].MaxHalfOpen connections are half-open. Another one is neither refused
// nor left waiting: the oldest is cut for it. So a flood of f connections a
// second cuts clients that need longer than MaxHalfOpen / f, and nobody else.
// Also when the process runs out of descriptors the oldest are cut.
//
// # TLS
//
// What is registered in the Muxer is at the same time what the server speaks by
// ALPN. It depends on the list that the initiator offers:
//
//	nothing                 negotiates on the encrypted connection, as without TLS
//	names                   the first of them that is registered is agreed on, without
//	                        a round trip, unless a name of the next line comes first
//	"/multistream/1.0.0",   negotiates on the encrypted connection
//	TLSConfig.NextProtos
//	only unknown names      gets the alert no_application_protocol
//
// A plain TLS client that offers nothing gets in by multistream-select. An
// initiator in the style of libp2p offers "libp2p", perhaps behind the names of
// stream muxers; with TLSConfig.NextProtos = []string{"libp2p"} it is answered so,
// and then negotiates. Browsers and curl offer "h2" and "http/1.1", and get in if
// these are registered.
//
// The order in which names are registered, and that of NextProtos, mean nothing.
package netmux
