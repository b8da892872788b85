package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/multiselect/multiselect/netmux"

	"github.com/multiselect/multiselect/cmd/mss/internal/address"
	"github.com/multiselect/multiselect/cmd/mss/internal/exit"
)

// Listener is where a server listens. Each connection that it accepts is a [Stream], or
// the carrier of a link if Upgrade is not nil.
type Listener struct {
	net.Listener
	Address     address.Address // in the form of --to, with the port that was bound
	Fingerprint string          // the fingerprint of its certificate, if it has one

	// Upgrade sets up the layers between a connection and its streams. It returns when the
	// connection is closed, at the latest. The streams of the link are Streams.
	Upgrade func(ctx context.Context, carrier net.Conn) (netmux.Link, error)
}

// Host is the part of listening that belongs to the server: the negotiations below the
// streams. Its method is called concurrently.
type Host interface {
	// Agree answers the negotiation of one step, [StepSecurity] or [StepMuxer], with the
	// context of Upgrade. If it fails, it ends the connection.
	Agree(ctx context.Context, step string, conn Stream, protocols ...string) (string, error)
}

// ListenConfig is the part of a server that Listen needs.
type ListenConfig struct {
	Certificates *Certificates
	Host         Host // used only if the address is that of a libp2p peer
}

// Listen listens on a. It returns a usage error if a does not fit the certificates or the
// key.
func Listen(a address.Address, c ListenConfig) (*Listener, error) {
	if err := c.Certificates.check(a); err != nil {
		return nil, err
	}
	var l Listener
	var self identity
	var err error
	if a.Form.IsLibp2p() {
		if self, err = c.Certificates.identity(a); err != nil {
			return nil, err
		}
	}
	switch a.Form {
	case address.QUIC, address.Libp2pQUIC:
		err = l.listenQUIC(a, c.Certificates, self)
	default:
		err = l.listenSocket(a, c.Certificates)
	}
	if err != nil {
		return nil, err
	}
	switch a.Form {
	case address.Yamux:
		l.Upgrade = upgradeYamux
	case address.Libp2p:
		l.Upgrade = func(ctx context.Context, carrier net.Conn) (netmux.Link, error) {
			return self.upgrade(ctx, c.Host, carrier.(Stream))
		}
	}
	l.Address = a.Bound(l.Addr(), self.id)
	return &l, nil
}

// Serve serves the streams with srv until that is shut down or closed, or Accept fails. It
// returns the error of [netmux.Server.Serve].
func (l *Listener) Serve(srv *netmux.Server) error {
	if l.Upgrade == nil {
		return srv.Serve(l.Listener)
	}
	return srv.ServeLinks(l.Listener, l.Upgrade)
}

// listenSocket listens on TCP or a unix socket. It replaces the socket file of a process
// that has died; it does not touch a socket that is still served, nor a file that is no
// socket. The listener removes its socket file when closed.
func (l *Listener) listenSocket(a address.Address, c *Certificates) error {
	var config *tls.Config
	var err error
	if a.Form == address.TLS {
		if config, l.Fingerprint, err = c.server(a.Where, ""); err != nil {
			return err
		}
	}
	l.Listener, err = net.Listen(a.Network(), a.Where)
	if errors.Is(err, syscall.EADDRINUSE) && isStale(a) && os.Remove(a.Where) == nil {
		l.Listener, err = net.Listen(a.Network(), a.Where)
	}
	if err != nil {
		return cannotListen(a, err)
	}
	if config != nil {
		l.Listener = tls.NewListener(l.Listener, config)
	}
	return nil
}

// isStale reports whether a is a socket file without a listening process.
func isStale(a address.Address) bool {
	if a.Form != address.Unix {
		return false
	}
	info, err := os.Lstat(a.Where)
	if err != nil || info.Mode().Type() != fs.ModeSocket {
		return false
	}
	conn, err := net.DialTimeout("unix", a.Where, time.Second)
	if err == nil {
		conn.Close()
	}
	return errors.Is(err, syscall.ECONNREFUSED)
}

func cannotListen(a address.Address, err error) error {
	return exit.AsLocal(fmt.Sprintf("cannot listen on %s", a), Cause(err))
}
