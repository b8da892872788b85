package main

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"syscall"
	"time"
)

// listen listens on a, and takes over the socket file that a process left
// behind when it died. A socket that somebody still serves, and a file that is
// no socket, are left alone. The listener removes its socket file when closed.
func (a address) listen() (net.Listener, error) {
	ln, err := net.Listen(a.network, a.where)
	if errors.Is(err, syscall.EADDRINUSE) && a.isStale() && os.Remove(a.where) == nil {
		ln, err = net.Listen(a.network, a.where)
	}
	return ln, local("cannot listen on "+a.String(), cause(err))
}

// isStale reports whether a is a socket file that nobody listens on.
func (a address) isStale() bool {
	if a.network != "unix" {
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

// bound returns the address that ln listens on, in the form of --to.
func bound(ln net.Listener) address {
	return address{ln.Addr().Network(), ln.Addr().String()}
}

// cause strips what package net says about the operation and the addresses,
// which mss says in its own words.
func cause(err error) error {
	if e, ok := errors.AsType[*net.OpError](err); ok {
		err = e.Err
	}
	if e, ok := errors.AsType[*os.SyscallError](err); ok {
		err = e.Err
	}
	return err
}
