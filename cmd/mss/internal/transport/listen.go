package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"io/fs"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/multiselect/multiselect/cmd/mss/internal/address"
)

// Listener accepts streams. Each connection that its Accept returns is a [Stream].
type Listener struct {
	net.Listener
	Address     address.Address // in the form of --to, with the port that was bound
	Fingerprint string          // the fingerprint of its certificate, if it has one
	streams     *streamListener // or nil if each connection is a stream
}

// Finish closes the connections below the streams, after these have ended. A process
// that exits without it leaves QUIC clients waiting, and can lose the last bytes of a
// stream.
func (l *Listener) Finish() {
	if l.streams != nil {
		l.streams.finish()
	}
}

// Host is the part of listening that belongs to the server: the negotiations below
// the streams, and its log. Its methods are called concurrently.
type Host interface {
	// Agree answers the negotiation of one step, [StepSecurity] or [StepMuxer]. If it
	// fails, it ends the connection.
	Agree(ctx context.Context, step string, conn Stream, protocols ...string) (string, error)
	// Unsecured is told of a connection that ended in the security handshake.
	Unsecured(conn net.Conn, err error)
	// NotAccepted is told of an error of Accept that does not end listening.
	NotAccepted(err error)
}

// ListenConfig is what Listen needs to know about the server.
type ListenConfig struct {
	Certificates *Certificates
	Host         Host          // used only if the address is multiplexed
	Timeout      time.Duration // for the negotiations below the streams; none if not positive
}

// Listen listens on a. When ctx ends, the negotiations below the streams end;
// listening and the connections do not.
func Listen(ctx context.Context, a address.Address, c ListenConfig) (*Listener, error) {
	if err := c.Certificates.check(a); err != nil {
		return nil, err
	}
	var l Listener
	var self identity
	var err error
	if a.Form.IsLibp2p() {
		if self, err = newIdentity(); err != nil {
			return nil, err
		}
	}
	if a.Form.IsMultiplexed() {
		streams, print, err := listenStreams(ctx, a, &c, self)
		if err != nil {
			return nil, err
		}
		l.Listener, l.Fingerprint, l.streams = streams, print, streams
	} else if l.Listener, l.Fingerprint, err = listenPlain(a, c.Certificates); err != nil {
		return nil, err
	}
	l.Address = a.Bound(l.Addr(), self.id)
	return &l, nil
}

// listenPlain listens on an address where each connection is a stream. It replaces the
// socket file of a process that has died; it does not touch a socket that is still
// served, nor a file that is no socket. The listener removes its socket file when
// closed.
func listenPlain(a address.Address, c *Certificates) (ln net.Listener, print string, err error) {
	var config *tls.Config
	if a.Form == address.TLS {
		if config, print, err = c.server(a.Where, ""); err != nil {
			return nil, "", err
		}
	}
	ln, err = net.Listen(a.Network(), a.Where)
	if errors.Is(err, syscall.EADDRINUSE) && isStale(a) && os.Remove(a.Where) == nil {
		ln, err = net.Listen(a.Network(), a.Where)
	}
	if err != nil {
		return nil, "", cannotListen(a, err)
	}
	if config != nil {
		ln = tls.NewListener(ln, config)
	}
	return ln, print, nil
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
