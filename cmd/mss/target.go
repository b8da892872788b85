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

// target is what serves a protocol: a kind, and for some kinds an argument.
type target struct{ kind, argument string }

// targetKinds are the kinds as the command line has them.
var targetKinds = [...]string{"echo", "time", "discard", "static:", "exec:", "tcp:"}

// targetForms is what help texts and errors say about targets.
const targetForms = "echo, time, discard, static:TEXT, exec:COMMAND, tcp:HOST:PORT"

func (t target) String() string {
	if t.argument == "" {
		return t.kind
	}
	return t.kind + ":" + t.argument
}

// check finds what cannot work before anything is served.
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

// serve talks on conn in the way of the target, until the conversation is
// over or ctx ends. It does not close conn.
func (t target) serve(ctx context.Context, protocol string, conn halfCloser, stderr io.Writer) error {
	switch t.kind {
	case "echo":
		if _, err := io.Copy(conn, conn); err != nil {
			return err
		}
		return conn.CloseWrite()
	case "time":
		return say(conn, time.Now().UTC().Format(time.RFC3339Nano)+"\n")
	case "static":
		return say(conn, t.argument)
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

// say writes a text and ends this side's half.
func say(conn halfCloser, text string) error {
	if _, err := io.WriteString(conn, text); err != nil {
		return err
	}
	return hangUp(conn)
}

// hangUp ends this side's half when there is nothing more to say. What the peer
// still sends is read and dropped for a while: closing a connection with unread
// bytes resets it, which can take the last words away from a peer that has not
// read them yet.
//
// A peer that has left already misses nothing by that: lazy clients write and leave.
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

// reset ends a connection so that the other end sees that something failed,
// where the transport can say that.
func reset(conn halfCloser) {
	switch c := conn.(type) {
	case coded:
		c.ResetWithError(0)
		return
	case *tls.Conn:
		if tcp, ok := c.NetConn().(*net.TCPConn); ok {
			tcp.SetLinger(0) // and no alert, which would look like an end in good order
			tcp.Close()
			return
		}
	case interface{ SetLinger(int) error }:
		c.SetLinger(0)
	}
	conn.Close()
}
