// Command hello serves a protocol and agrees on it with itself, over a TCP connection.
//
//	printf hello | go run ./examples/hello
//
// The responder sends back the bytes that it receives; its protocol is "/echo/1.0.0". The
// initiator prefers "/echo/2.0.0". Their conversation is written to standard error, and
// the bytes that come back to standard output.
package main

import (
	"context"
	"io"
	"log"
	"net"
	"os"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/transcript"
)

func main() {
	if err := run(os.Stdin, os.Stdout, os.Stderr); err != nil {
		log.Fatal(err)
	}
}

func run(stdin io.Reader, stdout, stderr io.Writer) error {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer ln.Close()
	go serve(ln)

	conn, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		return err
	}
	defer conn.Close()

	// The initiator: it proposes the names in turn until the responder agrees to one.
	ctx := multiselect.WithTrace(context.Background(), transcript.NewTrace(stderr))
	var client multiselect.Client
	if _, err := client.SelectOneOf(ctx, conn, "/echo/2.0.0", "/echo/1.0.0"); err != nil {
		return err
	}

	// From here on the connection belongs to the protocol.
	go func() {
		io.Copy(conn, stdin)
		conn.(*net.TCPConn).CloseWrite()
	}()
	_, err = io.Copy(stdout, conn)
	return err
}

// serve is the responder: it accepts connections until ln is closed, and serves each in a
// goroutine.
func serve(ln net.Listener) {
	var mux multiselect.Muxer
	if err := mux.AddHandler("/echo/1.0.0", echo); err != nil {
		log.Fatal(err)
	}
	for {
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		go mux.ServeStream(context.Background(), conn) // on failure it closes conn
	}
}

// echo is a Handler. It owns the stream.
func echo(_ context.Context, _ string, stream io.ReadWriteCloser) {
	defer stream.Close()
	io.Copy(stream, stream)
}
