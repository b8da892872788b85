package hosts

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	libp2ptls "github.com/libp2p/go-libp2p/p2p/security/tls"

	"github.com/multiselect/multiselect"
)

// goHost is a host of go-libp2p with /echo/1.0.0.
func goHost(t *testing.T, options ...libp2p.Option) host.Host {
	t.Helper()
	h, err := libp2p.New(options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	h.SetStreamHandler("/echo/1.0.0", func(s network.Stream) {
		io.Copy(s, s)
		s.Close()
	})
	return h
}

func listening(addresses ...string) libp2p.Option { return libp2p.ListenAddrStrings(addresses...) }

// address returns where a host listens, with its identity.
func address(t *testing.T, h host.Host) string {
	t.Helper()
	all, err := peer.AddrInfoToP2pAddrs(host.InfoFromHost(h))
	if err != nil || len(all) != 1 {
		t.Fatalf("%v, %v", all, err)
	}
	return all[0].String()
}

const (
	tcp  = "/ip4/127.0.0.1/tcp/0"
	quic = "/ip4/127.0.0.1/udp/0/quic-v1"
)

func TestGoLibp2p(t *testing.T) {
	for name, where := range map[string]string{"tcp": tcp, "quic": quic} {
		t.Run(name, func(t *testing.T) {
			h := goHost(t, listening(where))
			speaks(t, address(t, h))
			t.Run("identify", func(t *testing.T) {
				o := mss(t, "", "ls", "--to", address(t, h))
				o.says(t, "mss: "+address(t, h)+" does not answer ls; it listed these names in /ipfs/id/1.0.0, as ")
			})
		})
	}
}

// Each step of the way to a stream is a negotiation, and is shown.
func TestGoLibp2pLadder(t *testing.T) {
	h := goHost(t, listening(tcp), libp2p.Security(libp2ptls.ID, libp2ptls.New))
	o := mss(t, "hello", "dial", "-v", "--to", address(t, h), "/echo/1.0.0")
	o.want(t, 0, "hello")
	o.says(t, "# security", "> /noise", "< na", "> /tls/1.0.0", "< /tls/1.0.0", "  # the peer is "+h.ID().String(),
		"  # muxer", "  > /yamux/1.0.0", "  < /yamux/1.0.0", "    # stream", "    > /echo/1.0.0", "    < /echo/1.0.0")
}

func TestGoLibp2pWrongPeer(t *testing.T) {
	for _, where := range []string{tcp, quic} {
		h, other := goHost(t, listening(where)), goHost(t, libp2p.NoListenAddrs)
		wrong := strings.Replace(address(t, h), h.ID().String(), other.ID().String(), 1)
		o := mss(t, "", "dial", "--to", wrong, "/echo/1.0.0")
		o.want(t, 3, "")
		if !strings.Contains(o.stderr, "another peer answers there: "+h.ID().String()) {
			t.Errorf("standard error does not say who it is")
		}
	}
}

// A host that is reset with a code says so, and so does one that resets.
func TestGoLibp2pResets(t *testing.T) {
	for _, where := range []string{tcp, quic} {
		h := goHost(t, listening(where))
		h.SetStreamHandler("/gone", func(s network.Stream) { s.ResetWithError(network.StreamResourceLimitExceeded) })
		o := mss(t, "", "dial", "--to", address(t, h), "/gone")
		o.want(t, 6, "")
		if !strings.Contains(o.stderr, "it reset the stream, code 0x1002: resource limit exceeded") {
			t.Errorf("standard error does not say how it ended")
		}
	}
}

// adapter gives a stream of go-libp2p, whose code has a type of its own, the
// method that a failed negotiation looks for.
type adapter struct{ network.Stream }

func (a adapter) ResetWithError(code uint32) error {
	return a.Stream.ResetWithError(network.StreamErrorCode(code))
}

// A negotiation of ours that fails on a stream of go-libp2p resets it with the
// code for that.
func TestGoLibp2pResetCode(t *testing.T) {
	for _, where := range []string{tcp, quic} {
		here, there := goHost(t, listening(where)), goHost(t, libp2p.NoListenAddrs)
		failed := make(chan error, 1)
		here.SetStreamHandler("/nested", func(s network.Stream) {
			failed <- new(multiselect.Muxer).ServeStream(t.Context(), adapter{s})
		})
		there.Peerstore().AddAddrs(here.ID(), here.Addrs(), patience)
		s, err := there.NewStream(t.Context(), here.ID(), "/nested")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(s, "GET / HTTP/1.1\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		_, err = io.ReadAll(s)
		got, ok := errors.AsType[*network.StreamError](err)
		if !ok || got.ErrorCode != network.StreamProtocolNegotiationFailed {
			t.Errorf("%s: the other end sees %v", where, err)
		}
		if err := <-failed; !errors.Is(err, multiselect.ErrNotMultistream) {
			t.Errorf("%s: this end sees %v", where, err)
		}
	}
}

// A host of go-libp2p dials mss serve.
func TestGoLibp2pDials(t *testing.T) {
	for _, where := range []string{tcp, quic} {
		info, err := peer.AddrInfoFromString(serve(t, "--listen", where))
		if err != nil {
			t.Fatal(err)
		}
		h := goHost(t, libp2p.NoListenAddrs)
		if err := h.Connect(t.Context(), *info); err != nil {
			t.Fatal(err)
		}
		s, err := h.NewStream(t.Context(), info.ID, "/echo/2.0.0", "/echo/1.0.0")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(s, "hello"); err != nil {
			t.Fatal(err)
		}
		s.CloseWrite()
		if got, err := io.ReadAll(s); string(got) != "hello" || err != nil || s.Protocol() != "/echo/1.0.0" {
			t.Errorf("%s: %q, %v on %s", where, got, err, s.Protocol())
		}
	}
}
