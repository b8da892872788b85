package flood

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"time"

	"github.com/multiselect/multiselect/wire"
)

// Dial opens a connection to the server.
type Dial func() (net.Conn, error)

// Attack makes one attempt. It calls arrived when its connection is in the state that attacks the
// server, and returns when the server has ended the connection.
type Attack func(arrived func()) error

// Return returns an attack that connects and sends nothing, so that a server without room for all
// attackers has to end one for each that comes back.
func Return(dial Dial) Attack {
	return holding(dial, func(net.Conn) error { return nil })
}

// Agree returns an attack that agrees on a protocol, sends nothing more, and stays.
func Agree(dial Dial, protocol string) Attack {
	return holding(dial, func(conn net.Conn) error {
		proposal := wire.AppendMessage([]byte(wire.HeaderFrame), protocol)
		if _, err := conn.Write(proposal); err != nil {
			return err
		}
		_, err := io.ReadFull(conn, make([]byte, len(proposal))) // the same bytes
		return err
	})
}

// StartTLS returns an attack that sends the first message of a TLS handshake, for which the
// server signs its answer, and sends nothing more.
func StartTLS(dial Dial) Attack {
	hello := clientHello()
	return holding(dial, func(conn net.Conn) error {
		_, err := conn.Write(hello)
		return err
	})
}

// Drip returns an attack that sends a header one byte at a time, with a pause after each, and
// nothing after it.
func Drip(dial Dial, pause time.Duration) Attack {
	return holding(dial, func(conn net.Conn) error {
		if _, err := conn.Write([]byte{wire.HeaderFrame[0]}); err != nil {
			return err
		}
		go func() {
			for _, b := range []byte(wire.HeaderFrame[1:]) {
				time.Sleep(pause)
				if _, err := conn.Write([]byte{b}); err != nil {
					return
				}
			}
		}()
		return nil
	})
}

// holding returns an attack that connects, calls begin, and stays until the server ends the
// connection.
func holding(dial Dial, begin func(net.Conn) error) Attack {
	return func(arrived func()) error {
		conn, err := dial()
		if err != nil {
			return err
		}
		defer conn.Close()
		if err := begin(conn); err != nil {
			return err
		}
		arrived()
		_, err = io.Copy(io.Discard, conn)
		return err
	}
}

// clientHello returns the first bytes that a TLS client sends.
func clientHello() []byte {
	first := &firstWrite{}
	config := &tls.Config{ServerName: "localhost", InsecureSkipVerify: true} // it is never used
	tls.Client(first, config).HandshakeContext(context.Background())
	return first.Bytes()
}

var errFirst = errors.New("flood: enough was sent")

// firstWrite is a connection that records writes, and fails at the first read.
type firstWrite struct {
	net.Conn
	bytes.Buffer
}

func (f *firstWrite) Read([]byte) (int, error)    { return 0, errFirst }
func (f *firstWrite) Write(p []byte) (int, error) { return f.Buffer.Write(p) }
func (f *firstWrite) Close() error                { return nil }

func (f *firstWrite) SetDeadline(time.Time) error      { return nil }
func (f *firstWrite) SetReadDeadline(time.Time) error  { return nil }
func (f *firstWrite) SetWriteDeadline(time.Time) error { return nil }
