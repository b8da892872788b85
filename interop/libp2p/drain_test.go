package libp2p

import (
	"context"
	"io"
	"path/filepath"
	"testing"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/multiselect/multiselect/internal/apitest"
)

// TestDrainHosts ends programs whose hosts have written requests on lazy streams, and compares the
// number of requests that have reached the handlers of the other host with the table of
// docs/reliability.md.
func TestDrainHosts(t *testing.T) {
	for name, address := range map[string]string{
		"TCP":          "/ip4/127.0.0.1/tcp/0",
		"QUIC":         "/ip4/127.0.0.1/udp/0/quic-v1",
		"WebSocket":    "/ip4/127.0.0.1/tcp/0/ws",
		"WebTransport": "/ip4/127.0.0.1/udp/0/quic-v1/webtransport",
	} {
		t.Run(name, func(t *testing.T) {
			connect := func(t testing.TB) *apitest.Ending { return connectHosts(t, address) }
			apitest.CheckEndings(t, filepath.Join("..", "..", "docs", "reliability.md"), "libp2p host, "+name, connect,
				func(stream io.ReadWriteCloser, h func(io.ReadWriteCloser)) error { // the host has agreed
					h(stream)
					return nil
				})
		})
	}
}

func connectHosts(t testing.TB, address string) *apitest.Ending {
	t.Helper()
	server := newHost(t, libp2p.ListenAddrStrings(address))
	client := newHost(t, libp2p.NoListenAddrs)
	accepted := make(chan io.ReadWriteCloser)
	server.SetStreamHandler("/a", func(s network.Stream) { accepted <- s })
	ended := make(chan struct{})
	server.Network().Notify(&network.NotifyBundle{DisconnectedF: func(network.Network, network.Conn) { close(ended) }})
	ctx := context.Background()
	if err := client.Connect(ctx, peer.AddrInfo{ID: server.ID(), Addrs: server.Addrs()}); err != nil {
		t.Fatal(err)
	}
	return &apitest.Ending{
		Open: func() (io.ReadWriteCloser, error) { return client.Network().NewStream(ctx, server.ID()) },
		Accept: func() (io.ReadWriteCloser, error) {
			select {
			case s := <-accepted:
				return s, nil
			case <-ended:
				return nil, io.ErrClosedPipe
			}
		},
		End:   func() { client.Close() },
		Ended: func() { <-ended },
	}
}

func newHost(t testing.TB, options ...libp2p.Option) host.Host {
	t.Helper()
	h, err := libp2p.New(append(options, libp2p.DisableRelay())...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	return h
}
