// Node is a go-libp2p host, built with gomultistream or with go-multistream in the
// same place. The tests and measurements of this module run it. A transport is tcp, which is TCP
// with TLS, noise, which is TCP with noise, or quic.
//
//	node serve TRANSPORT      print the address, and serve until standard input ends
//	node check ADDR           talk to it in all ways that need a negotiation
//	node measure TRANSPORT    print what streams cost, between two hosts of its own
//	node paired TRANSPORT     print what batches of streams cost that standard input names
//	node exit DURATION        print how many requests arrive if the host is closed after each
//	node silent TRANSPORT     print how long Close takes when the peer never answers
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/libp2p/go-libp2p/p2p/security/noise"
	"github.com/multiformats/go-multiaddr"
)

const (
	echo    protocol.ID = "/echo/1.0.0"
	reply   protocol.ID = "/reply/1.0.0" // sends one request back
	count   protocol.ID = "/count/1.0.0" // reads to the end, and says how much it was
	matched protocol.ID = "/matched/"    // a prefix
	unknown protocol.ID = "/unknown/1.0.0"
)

func main() {
	if len(os.Args) != 3 {
		fail(fmt.Errorf("usage: node serve|check|measure|paired|exit|silent ARGUMENT"))
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	var err error
	switch os.Args[1] {
	case "serve":
		err = serve(os.Args[2])
	case "check":
		err = check(ctx, os.Args[2])
	case "measure":
		err = measure(ctx, os.Args[2])
	case "paired":
		err = paired(context.Background(), os.Args[2])
	case "exit":
		err = exit(ctx, os.Args[2])
	case "silent":
		err = silent(ctx, os.Args[2])
	default:
		err = fmt.Errorf("there is no %q", os.Args[1])
	}
	fail(err)
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "node:", err)
		os.Exit(1)
	}
}

// newHost makes a host that speaks one transport and serves. Over TCP it uses the default security
// protocol of go-libp2p, TLS, or the other one.
func newHost(transport string) (host.Host, error) {
	address, security := "/ip4/127.0.0.1/tcp/0", libp2p.DefaultSecurity
	switch transport {
	case "quic":
		address = "/ip4/127.0.0.1/udp/0/quic-v1"
	case "noise":
		security = libp2p.Security(noise.ID, noise.New)
	}
	h, err := libp2p.New(libp2p.ListenAddrStrings(address), security, libp2p.ResourceManager(&network.NullResourceManager{}),
		libp2p.DisableRelay(), libp2p.DisableMetrics())
	if err != nil {
		return nil, err
	}
	h.SetStreamHandler(echo, func(s network.Stream) {
		defer s.Close()
		io.Copy(s, s)
	})
	h.SetStreamHandler(reply, sendBack)
	h.SetStreamHandler(count, func(s network.Stream) {
		defer s.Close()
		n, _ := io.Copy(io.Discard, s)
		fmt.Fprint(s, n)
	})
	h.SetStreamHandlerMatch(matched, func(id protocol.ID) bool {
		return len(id) > len(matched) && id[:len(matched)] == matched
	}, func(s network.Stream) {
		defer s.Close()
		io.WriteString(s, string(s.Protocol()))
	})
	return h, nil
}

// sendBack costs little, so that the cost of a stream is that of the host. It waits for the end of
// the request: over QUIC the peer's Close would fail on a stream that is not read any more.
func sendBack(s network.Stream) {
	defer s.Close()
	var buffer [len(request)]byte
	if _, err := io.ReadFull(s, buffer[:]); err == nil {
		s.Write(buffer[:])
		s.Read(buffer[:])
	}
}

func serve(transport string) error {
	h, err := newHost(transport)
	if err != nil {
		return err
	}
	defer h.Close()
	addrs, err := peer.AddrInfoToP2pAddrs(host.InfoFromHost(h))
	if err != nil {
		return err
	}
	fmt.Println(addrs[0])
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// dial connects a new host to an address.
func dial(ctx context.Context, address string) (host.Host, peer.ID, error) {
	a, err := multiaddr.NewMultiaddr(address)
	if err != nil {
		return nil, "", err
	}
	info, err := peer.AddrInfoFromP2pAddr(a)
	if err != nil {
		return nil, "", err
	}
	transport := "tcp"
	if _, err := a.ValueForProtocol(multiaddr.P_QUIC_V1); err == nil {
		transport = "quic"
	}
	h, err := newHost(transport)
	if err != nil {
		return nil, "", err
	}
	return h, info.ID, h.Connect(ctx, *info)
}
