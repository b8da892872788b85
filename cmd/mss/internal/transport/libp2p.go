package transport

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"

	peerid "github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/sec"
	"github.com/libp2p/go-libp2p/p2p/security/noise"
	libp2ptls "github.com/libp2p/go-libp2p/p2p/security/tls"
	"github.com/quic-go/quic-go"

	"github.com/multiselect/multiselect/cmd/mss/internal/address"
	"github.com/multiselect/multiselect/cmd/mss/internal/exit"
)

// The steps of libp2p below the streams, and the muxer that mss speaks.
const (
	StepSecurity = "security"
	StepMuxer    = "muxer"
	YamuxID      = "/yamux/1.0.0"
)

// Securities are the protocols of [StepSecurity], in the order in which they are proposed.
var Securities = []string{noise.ID, libp2ptls.ID}

// secure runs the handshake of the security protocol that was agreed on. It is
// not given the muxers, because it would choose one without a negotiation.
func (i identity) secure(ctx context.Context, protocol string, conn net.Conn, other peerid.ID, inbound bool) (sec.SecureConn, error) {
	var security sec.SecureTransport
	var err error
	switch protocol {
	case libp2ptls.ID:
		security, err = libp2ptls.New(libp2ptls.ID, i.key, nil)
	default:
		var t *noise.Transport
		if t, err = noise.New(noise.ID, i.key, nil); err == nil {
			security = t
			if other == "" && !inbound {
				security, err = t.WithSessionOptions(noise.DisablePeerIDCheck())
			}
		}
	}
	if err != nil {
		return nil, err
	}
	if inbound {
		return security.SecureInbound(ctx, conn, other)
	}
	return security.SecureOutbound(ctx, conn, other)
}

// connectLibp2p connects to a libp2p peer over TCP: it negotiates security and,
// inside it, the muxer.
func connectLibp2p(ctx context.Context, a address.Address, s Steps) (Link, error) {
	self, err := newIdentity()
	if err != nil {
		return nil, err
	}
	conn, err := Dial(ctx, a)
	if err != nil {
		return nil, err
	}
	made := false
	defer func() {
		if !made {
			conn.Close()
		}
	}()
	security, err := s.Agree(ctx, StepSecurity, conn, Securities...)
	if err != nil {
		return nil, err
	}
	inside, err := self.secure(ctx, security, conn, a.ID, false)
	if err != nil {
		return nil, connecting(ctx, handshakeError(security, err))
	}
	s.Comment("the peer is " + inside.RemotePeer().String())
	if _, err := s.Agree(ctx, StepMuxer, secureHalf{inside}, YamuxID); err != nil {
		return nil, err
	}
	made = true
	return newYamuxLink(inside, inside.RemotePeer().String())
}

// secureHalf is a secured connection during the negotiation of the muxer, which
// never ends one half alone.
type secureHalf struct{ sec.SecureConn }

func (s secureHalf) CloseWrite() error { return s.Close() }

// silent makes an error available to [errors.As] without adding text.
type silent struct{ err error }

func (silent) Error() string   { return "" }
func (s silent) Unwrap() error { return s.err }

// handshakeError returns the error for a peer that did not prove its identity. It is one line: over
// QUIC the peer can choose the text.
func handshakeError(security string, err error) error {
	var mismatch sec.ErrPeerIDMismatch
	if errors.As(err, &mismatch) {
		return fmt.Errorf("%s: another peer answers there: %v%w", security, mismatch.Actual, silent{mismatch})
	}
	return errors.New(security + ": " + strings.ReplaceAll(Reason(err), "\n", `\n`))
}

func connectLibp2pQUIC(ctx context.Context, a address.Address, s Steps) (Link, error) {
	self, err := newIdentity()
	if err != nil {
		return nil, err
	}
	certificate, err := libp2ptls.NewIdentity(self.key)
	if err != nil {
		return nil, exit.AsLocal("making a certificate", err)
	}
	config, keys := certificate.ConfigForPeer(a.ID)
	conn, err := quic.DialAddr(ctx, a.Where, config, quicDialConfig())
	if err != nil {
		if ctx.Err() == nil {
			err = handshakeError("quic-v1", err)
		}
		return nil, connecting(ctx, err)
	}
	id, err := peerid.IDFromPublicKey(<-keys)
	if err != nil {
		conn.CloseWithError(0, "")
		return nil, &ConnectError{err}
	}
	s.Comment("quic-v1, the peer is " + id.String())
	return &quicLink{conn, id.String()}, nil
}

// serverTLS returns the TLS configuration of a QUIC server for libp2p peers.
func (i identity) serverTLS() (*tls.Config, error) {
	certificate, err := libp2ptls.NewIdentity(i.key)
	if err != nil {
		return nil, exit.AsLocal("making a certificate", err)
	}
	config, _ := certificate.ConfigForPeer("")
	config.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
		own, _ := certificate.ConfigForPeer("") // each takes one key
		return own, nil
	}
	return config, nil
}

// peerOf returns the identity in a certificate of libp2p.
func peerOf(chain []*x509.Certificate) (peerid.ID, error) {
	key, err := libp2ptls.PubKeyFromCertChain(chain)
	if err != nil {
		return "", err
	}
	return peerid.IDFromPublicKey(key)
}
