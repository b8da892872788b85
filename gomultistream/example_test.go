package multistream

// The examples are inside of the package, as all its tests are: a module that replaces
// go-multistream cannot find a package of another path. Elsewhere its names have the prefix
// "multistream.", and the package is imported as github.com/multiformats/go-multistream.

import (
	"errors"
	"fmt"
	"io"
	"log"
	"net"
)

// greetings is a server with one protocol. It serves each connection of ln in a goroutine.
func greetings(ln net.Listener) {
	mux := NewMultistreamMuxer[string]()
	mux.AddHandler("/greet/1.0.0", func(_ string, stream io.ReadWriteCloser) error {
		defer stream.Close()
		name, err := io.ReadAll(stream)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(stream, "hello, %s", name)
		return err
	})
	for {
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		go mux.Handle(conn)
	}
}

func dial(ln net.Listener) *net.TCPConn {
	conn, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		log.Fatal(err)
	}
	return conn.(*net.TCPConn)
}

// The initiator proposes names in order, and the stream below is the protocol's afterwards.
func ExampleSelectOneOf() {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	defer ln.Close()
	go greetings(ln)

	conn := dial(ln)
	defer conn.Close()
	protocol, err := SelectOneOf([]string{"/greet/2.0.0", "/greet/1.0.0"}, conn)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := io.WriteString(conn, "gopher"); err != nil {
		log.Fatal(err)
	}
	if err := conn.CloseWrite(); err != nil {
		log.Fatal(err)
	}
	reply, err := io.ReadAll(conn)
	fmt.Printf("%s: %s %v\n", protocol, reply, err)
	// Output: /greet/1.0.0: hello, gopher <nil>
}

// A refusal is an error of a type that is compared with errors.Is. It leaves the stream open.
func ExampleSelectOneOf_refused() {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	defer ln.Close()
	go greetings(ln)

	conn := dial(ln)
	defer conn.Close()
	_, err = SelectOneOf([]string{"/chat/1.0.0"}, conn)
	fmt.Println(errors.Is(err, ErrNotSupported[string]{}), err)
	// Output: true protocols not supported: [/chat/1.0.0]
}

// A lazy stream costs no round trip: the proposal travels with the first data that is written,
// and the answer is removed before the first data that is read.
func ExampleNewMSSelect() {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	defer ln.Close()
	go greetings(ln)

	conn := dial(ln)
	stream := NewMSSelect(conn, "/greet/1.0.0")
	defer stream.Close()
	if _, err := io.WriteString(stream, "gopher"); err != nil {
		log.Fatal(err)
	}
	if err := conn.CloseWrite(); err != nil { // the end of the request
		log.Fatal(err)
	}
	reply, err := io.ReadAll(stream)
	fmt.Printf("%s %v\n", reply, err)
	// Output: hello, gopher <nil>
}
