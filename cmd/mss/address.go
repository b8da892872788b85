package main

import (
	"context"
	"net"
	"strings"
)

// address is where a peer listens, or where this side does.
type address struct{ network, where string }

// addressForms is what help texts and errors say about addresses.
const addressForms = "host:port, tcp://host:port or unix:PATH"

func parseAddress(s string) (address, error) {
	if path, ok := strings.CutPrefix(s, "unix:"); ok {
		if path == "" {
			return address{}, usagef("address %q has no path: write unix:PATH", s)
		}
		return address{"unix", path}, nil
	}
	if s == "" {
		return address{}, usagef("the address is empty: write %s", addressForms)
	}
	hostPort, isURL := strings.CutPrefix(s, "tcp://")
	if !isURL && (strings.Contains(s, "://") || strings.HasPrefix(s, "/")) {
		return address{}, usagef("address %q is of a kind that this mss does not speak: write %s", s, addressForms)
	}
	if err := checkHostPort(hostPort); err != nil {
		return address{}, usagef("address %q: %v: write %s", s, err, addressForms)
	}
	return address{"tcp", hostPort}, nil
}

func checkHostPort(s string) error {
	_, port, err := net.SplitHostPort(s)
	if err == nil {
		_, err = net.LookupPort("tcp", port)
	}
	if e, ok := err.(*net.AddrError); ok {
		err = &plainError{e.Err}
	}
	return err
}

// plainError is an error without what the caller says already.
type plainError struct{ text string }

func (e *plainError) Error() string { return e.text }

// String returns the form that parseAddress reads.
func (a address) String() string {
	if a.network == "unix" {
		return "unix:" + a.where
	}
	return a.where
}

// halfCloser is a connection of which one direction can be ended alone. All
// that mss connects with can.
type halfCloser interface {
	net.Conn
	CloseWrite() error
}

// connect fails with a *connectError.
func (a address) connect(ctx context.Context) (halfCloser, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, a.network, a.where)
	if err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return nil, &connectError{err}
	}
	return conn.(halfCloser), nil
}
