package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"time"
)

// target serves a protocol: it has a kind and, for some kinds, an argument.
type target struct{ kind, argument string }

// targetKinds are the kinds, as written on the command line.
var targetKinds = [...]string{"echo", "time", "discard", "static:", "exec:", "tcp:"}

// targetForms lists the targets for help texts and errors.
const targetForms = "echo, time, discard, static:TEXT, exec:COMMAND, tcp:HOST:PORT"

func (t target) String() string {
	if t.argument == "" {
		return t.kind
	}
	return t.kind + ":" + t.argument
}

// check returns an error for a target that cannot work.
func (t target) check() error {
	switch {
	case t.kind == "tcp":
		if err := checkHostPort(t.argument); err != nil {
			return fmt.Errorf("tcp:%s: %w: write tcp:HOST:PORT", t.argument, err)
		}
	case t.kind == "exec" && t.argument == "":
		return errors.New("exec: needs a COMMAND")
	}
	return nil
}

// serve serves conn until the conversation or ctx ends. It does not close conn.
func (t target) serve(ctx context.Context, protocol string, conn halfCloser, stderr io.Writer) error {
	switch t.kind {
	case "echo":
		if _, err := io.Copy(conn, conn); err != nil {
			return err
		}
		return conn.CloseWrite()
	case "time":
		return sendText(conn, time.Now().UTC().Format(time.RFC3339Nano)+"\n")
	case "static":
		return sendText(conn, t.argument)
	case "discard":
		_, err := io.Copy(io.Discard, conn)
		return err
	case "exec":
		return execute(ctx, t.argument, protocol, conn, stderr)
	case "tcp":
		return forward(ctx, t.argument, conn)
	}
	return fmt.Errorf("no such target: %s", t)
}

// sendText writes a text and ends this side's half.
func sendText(conn halfCloser, text string) error {
	if _, err := io.WriteString(conn, text); err != nil {
		return err
	}
	return hangUp(conn)
}

// hangUp ends this side's half after its last byte. It reads and drops incoming
// bytes for a while: closing a connection with unread bytes resets it, and a peer
// that has not read the last bytes yet could lose them.
//
// It is no error if the peer has closed already, as lazy clients may.
func hangUp(conn halfCloser) error {
	err := conn.CloseWrite()
	if errors.Is(err, syscall.ENOTCONN) {
		return nil
	}
	if err == nil {
		drop(conn)
	}
	return err
}

func drop(conn halfCloser) {
	conn.SetReadDeadline(time.Now().Add(2 * time.Second))
	io.Copy(io.Discard, conn)
}

// reset ends a connection so that the other end sees a failure, where the transport
// has a way to signal one.
func reset(conn halfCloser) {
	switch c := conn.(type) {
	case coded:
		c.ResetWithError(0)
		return
	case *tls.Conn:
		if tcp, ok := c.NetConn().(*net.TCPConn); ok {
			tcp.SetLinger(0) // without an alert, which would look like a plain end
			tcp.Close()
			return
		}
	case interface{ SetLinger(int) error }:
		c.SetLinger(0)
	}
	conn.Close()
}
