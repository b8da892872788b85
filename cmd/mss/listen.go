package main

import (
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

// listen listens on a.
func (s *server) listen(a address, c *certificates) (*listener, error) {
	if err := c.check(a); err != nil {
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
		streams, print, err := s.listenStreams(a, c, self)
		if err != nil {
			return nil, err
		}
		l.Listener, l.print, l.finish = streams, print, streams.finish
	} else if l.Listener, l.print, err = a.listen(c); err != nil {
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

// listen listens on an address where each connection is a stream. It replaces the
// socket file of a process that has died; it does not touch a socket that is still
// served, nor a file that is no socket. The listener removes its socket file when
// closed.
func (a address) listen(c *certificates) (ln net.Listener, print string, err error) {
	var config *tls.Config
	if a.form == formTLS {
		if config, print, err = c.server(a.where, ""); err != nil {
			return nil, "", err
		}
	}
	ln, err = net.Listen(a.network(), a.where)
	if errors.Is(err, syscall.EADDRINUSE) && a.isStale() && os.Remove(a.where) == nil {
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
func (a address) isStale() bool {
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

// cause removes the operation and the addresses from an error of package net,
// because mss names them itself.
func cause(err error) error {
	if e, ok := errors.AsType[*net.OpError](err); ok {
		err = e.Err
	}
	if e, ok := errors.AsType[*os.SyscallError](err); ok {
		err = e.Err
	}
	return err
}
