package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"sync/atomic"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/multiformats/go-multiaddr"
)

const (
	push     protocol.ID = "/push/1.0.0" // receives a request, and sends nothing
	pushSize             = 2000
	exits                = 40
)

// exit opens a lazy stream, writes a request, closes the stream, and closes the host immediately,
// as a command does that ends. It prints how many of the requests arrive whole, for a round trip
// that a proxy of this process makes.
func exit(ctx context.Context, roundTrip string) error {
	trip, err := time.ParseDuration(roundTrip)
	if err != nil {
		return err
	}
	server, err := newHost("tcp")
	if err != nil {
		return err
	}
	defer server.Close()
	var whole atomic.Int32
	ended := make(chan struct{}, exits)
	server.SetStreamHandler(push, func(s network.Stream) {
		defer s.Close()
		if got, err := io.ReadAll(s); len(got) == pushSize && err == nil {
			whole.Add(1)
		}
		ended <- struct{}{}
	})
	port, err := server.Addrs()[0].ValueForProtocol(multiaddr.P_TCP)
	if err != nil {
		return err
	}
	address, err := delay("127.0.0.1:"+port, trip/2)
	if err != nil {
		return err
	}
	for range exits {
		if err := pushAndExit(ctx, address, server.ID()); err != nil {
			return err
		}
	}
	for timeout, n := time.After(2*time.Second), 0; n < exits; n++ { // some never arrive
		select {
		case <-ended:
		case <-timeout:
			n = exits
		}
	}
	return json.NewEncoder(os.Stdout).Encode(figures{"whole": float64(whole.Load())})
}

func pushAndExit(ctx context.Context, address string, server peer.ID) error {
	client, err := libp2p.New(libp2p.NoListenAddrs, libp2p.DisableRelay(), libp2p.DisableMetrics())
	if err != nil {
		return err
	}
	defer client.Close()
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	info := peer.AddrInfo{ID: server, Addrs: []multiaddr.Multiaddr{multiaddr.StringCast("/ip4/127.0.0.1/tcp/" + port)}}
	if err := client.Connect(ctx, info); err != nil {
		return err
	}
	s, err := knownStream(ctx, client, server, push)
	if err != nil {
		return err
	}
	if n, err := s.Write(make([]byte, pushSize)); err != nil {
		return fmt.Errorf("%d bytes written: %w", n, err)
	}
	return s.Close()
}

// delay forwards connections to an address, and delays each direction. It returns its own address.
func delay(to string, half time.Duration) (string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	go func() {
		for {
			from, err := ln.Accept()
			if err != nil {
				return
			}
			conn, err := net.Dial("tcp", to)
			if err != nil {
				from.Close()
				continue
			}
			go forward(conn, from, half)
			go forward(from, conn, half)
		}
	}()
	return ln.Addr().String(), nil
}

// forward copies until the end, each piece after a time, and closes the writer.
func forward(to, from net.Conn, after time.Duration) {
	type piece struct {
		due   time.Time
		bytes []byte
	}
	pieces := make(chan piece, 1000)
	go func() {
		defer to.Close()
		for p := range pieces {
			time.Sleep(time.Until(p.due))
			to.Write(p.bytes)
		}
	}()
	for {
		buffer := make([]byte, 16<<10)
		n, err := from.Read(buffer)
		if n > 0 {
			pieces <- piece{time.Now().Add(after), buffer[:n]}
		}
		if err != nil {
			close(pieces)
			return
		}
	}
}
