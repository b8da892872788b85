package multistream

// The examples are inside of the package, as all its tests are: a module that replaces
// go-multistream cannot find a package of another path. Elsewhere its names have the prefix
// "multistream.", and the package is imported as github.com/multiformats/go-multistream.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"sync"

	"github.com/multiselect/multiselect/dropin"
	"github.com/multiselect/multiselect/telemetry"
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

// After the replace line a dashboard shows the negotiations of all libraries that use
// go-multistream, such as the hosts of go-libp2p. The counter stands for a system of metrics; for
// OpenTelemetry, Context is that of package otelmultiselect. Programs set it with the package
// config, which this example cannot import.
func Example_metrics() {
	var mu sync.Mutex
	negotiations := map[telemetry.Labels]float64{}
	recorder := &telemetry.Recorder{
		Measure: func(_ context.Context, metric *telemetry.Metric, value float64, labels telemetry.Labels) {
			mu.Lock()
			defer mu.Unlock()
			if metric == telemetry.Negotiations {
				negotiations[labels] += value
			}
		},
	}
	c := dropin.Default()
	c.Context = recorder.Context
	dropin.Set(c)
	defer dropin.Set(dropin.Default())

	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	defer ln.Close()
	go greetings(ln)
	for _, protocol := range []string{"/greet/1.0.0", "/chat/1.0.0"} {
		conn := dial(ln)
		SelectProtoOrFail(protocol, conn)
		conn.Close()
	}

	mu.Lock()
	defer mu.Unlock()
	for labels, n := range negotiations {
		if labels.Role == "initiator" {
			fmt.Printf("%s %q: %v\n", labels.Outcome, labels.Protocol, n)
		}
	}
	// Unordered output:
	// agreed "/greet/1.0.0": 1
	// refused "": 1
}
