package main

import (
	"context"
	"io"
	"time"

	hashicorp "github.com/hashicorp/yamux"
	"github.com/libp2p/go-yamux/v5"
	"github.com/quic-go/quic-go"

	"github.com/multiselect/multiselect/internal/streamtest"
)

// Streams of multiplexers, all over loopback: both yamux over TCP, and QUIC over UDP.

// maxStreams is the number of streams that a session must allow.
const maxStreams = 20_000

// yamux5Pair returns both sides of a session.
func yamux5Pair() (client, server *yamux.Session, err error) {
	a, b, err := connected("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}
	config := yamux.DefaultConfig()
	config.EnableKeepAlive = false // pings are not part of a negotiation
	config.AcceptBacklog = maxStreams
	config.MaxIncomingStreams = maxStreams
	config.LogOutput = io.Discard
	if client, err = yamux.Client(a, config, nil); err != nil {
		return nil, nil, err
	}
	server, err = yamux.Server(b, config, nil)
	return client, server, err
}

func openYamux5() (link, error) {
	client, server, err := yamux5Pair()
	if err != nil {
		return link{}, err
	}
	a, err := client.OpenStream(context.Background())
	if err != nil {
		return link{}, err
	}
	b, err := server.AcceptStream()
	return link{a, b, func() { client.Close(); server.Close() }}, err
}

func openHashicorpYamux() (link, error) {
	a, b, err := connected("tcp", "127.0.0.1:0")
	if err != nil {
		return link{}, err
	}
	config := hashicorp.DefaultConfig()
	config.EnableKeepAlive = false
	config.LogOutput = io.Discard
	client, err := hashicorp.Client(a, config)
	if err != nil {
		return link{}, err
	}
	server, err := hashicorp.Server(b, config)
	if err != nil {
		return link{}, err
	}
	mine, err := client.OpenStream()
	if err != nil {
		return link{}, err
	}
	theirs, err := server.AcceptStream()
	return link{mine, theirs, func() { client.Close(); server.Close() }}, err
}

func openQUIC() (link, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	serverTLS, clientTLS, err := streamtest.SelfSigned("bench")
	if err != nil {
		return link{}, err
	}
	l, err := quic.ListenAddr("127.0.0.1:0", serverTLS, nil)
	if err != nil {
		return link{}, err
	}
	client, err := quic.DialAddr(ctx, l.Addr().String(), clientTLS, nil)
	if err != nil {
		return link{}, err
	}
	server, err := l.Accept(ctx)
	if err != nil {
		return link{}, err
	}
	a, err := client.OpenStreamSync(ctx)
	if err != nil {
		return link{}, err
	}
	if _, err := a.Write([]byte{0}); err != nil { // opens the stream at the other end
		return link{}, err
	}
	b, err := server.AcceptStream(ctx)
	if err != nil {
		return link{}, err
	}
	_, err = io.ReadFull(b, make([]byte, 1))
	return link{a, b, func() { client.CloseWithError(0, ""); l.Close() }}, err
}
