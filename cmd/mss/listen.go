package main

import (
	"context"
	"crypto/tls"
	"errors"
	"io/fs"
	"net"
	"os"
	"syscall"
	"time"
)

// listener is where a server listens: each connection that it accepts is a
// stream.
type listener struct {
	net.Listener
	address address // in the form of --to, with the port that was bound
	print   string  // the fingerprint of its certificate, if it has one
	finish  func()  // closes the connections below the streams, after these have ended
}

// host is the part of listening that belongs to the server: the negotiations below
// the streams, and its log. Its methods are called concurrently.
type host interface {
	// agree answers the negotiation of one step, [stepSecurity] or [stepMuxer]. If it
	// fails, it ends the connection.
	agree(ctx context.Context, step string, conn halfCloser, protocols ...string) (string, error)
	// unsecured is told of a connection that ended in the security handshake.
	unsecured(conn net.Conn, err error)
	// notAccepted is told of an error of Accept that does not end listening.
	notAccepted(err error)
}

// listenConfig is what listen needs to know about the server.
type listenConfig struct {
	certificates *certificates
	host         host          // used only if the address is multiplexed
	timeout      time.Duration // for the negotiations below the streams; none if not positive
}

// listen listens on a. When ctx ends, the negotiations below the streams end;
// listening and the connections do not.
func listen(ctx context.Context, a address, c listenConfig) (*listener, error) {
	if err := c.certificates.check(a); err != nil {
		return nil, err
	}
	l := &listener{address: a, finish: func() {}}
	var self identity
	var err error
	if a.form.libp2p() {
		if self, err = newIdentity(); err != nil {
			return nil, err
		}
	}
	if a.form.multiplexed() {
		streams, print, err := listenStreams(ctx, a, &c, self)
		if err != nil {
			return nil, err
		}
		l.Listener, l.print, l.finish = streams, print, streams.finish
	} else if l.Listener, l.print, err = listenPlain(a, c.certificates); err != nil {
		return nil, err
	}
	if a.form != formUnix {
		l.address.where = l.Addr().String()
	}
	if a.form.libp2p() {
		l.address.id, l.address.multi = self.id, multiaddrOf(a.form, l.Addr(), self.id)
	}
	return l, nil
}

// listenPlain listens on an address where each connection is a stream. It replaces the
// socket file of a process that has died; it does not touch a socket that is still
// served, nor a file that is no socket. The listener removes its socket file when
// closed.
func listenPlain(a address, c *certificates) (ln net.Listener, print string, err error) {
	var config *tls.Config
	if a.form == formTLS {
		if config, print, err = c.server(a.where, ""); err != nil {
			return nil, "", err
		}
	}
	ln, err = net.Listen(a.network(), a.where)
	if errors.Is(err, syscall.EADDRINUSE) && isStale(a) && os.Remove(a.where) == nil {
		ln, err = net.Listen(a.network(), a.where)
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
func isStale(a address) bool {
	if a.form != formUnix {
		return false
	}
	info, err := os.Lstat(a.where)
	if err != nil || info.Mode().Type() != fs.ModeSocket {
		return false
	}
	conn, err := net.DialTimeout("unix", a.where, time.Second)
	if err == nil {
		conn.Close()
	}
	return errors.Is(err, syscall.ECONNREFUSED)
}
