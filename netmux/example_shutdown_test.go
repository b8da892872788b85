package netmux_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"time"

	"github.com/multiselect/multiselect/netmux"
)

// Shutdown does not end the contexts of handlers, so that they can finish. Handlers that run
// for as long as the client likes need to be told: here their contexts end when Shutdown begins,
// because BaseContext returns one that RegisterOnShutdown ends. The handler then says goodbye,
// and Shutdown returns when it has.
func ExampleServer_RegisterOnShutdown() {
	running, stop := context.WithCancelCause(context.Background())
	defer stop(nil)
	srv := netmux.Server{BaseContext: func(net.Listener) context.Context { return running }}
	srv.RegisterOnShutdown(func() { stop(errors.New("the server goes down")) })
	err := srv.Muxer.AddHandler("/events/1.0.0", func(ctx context.Context, _ string, stream io.ReadWriteCloser) {
		defer stream.Close()
		fmt.Fprintln(stream, "subscribed")
		<-ctx.Done() // in place of a loop that also sends events
		fmt.Fprintln(stream, "goodbye:", context.Cause(ctx))
	})
	if err != nil {
		log.Fatal(err)
	}
	port, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go srv.Serve(port)

	dialer := &netmux.Dialer{Protocols: []string{"/events/1.0.0"}}
	conn, err := dialer.DialContext(context.Background(), "tcp", port.Addr().String())
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	first := make([]byte, len("subscribed\n"))
	if _, err := io.ReadFull(conn, first); err != nil {
		log.Fatal(err)
	}

	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := srv.Shutdown(ctx); err != nil {
		log.Print(err, ": ", srv.Stats().Active, " handlers still run")
		srv.Close() // resets their connections
	}
	rest, err := io.ReadAll(conn)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s%s", first, rest)
	// Output:
	// subscribed
	// goodbye: the server goes down
}

// A port with an HTTP server is stopped without losing a request in three steps: its Listener
// accepts no more, the HTTP server answers the requests that it has, and then the port closes.
func ExampleListener_Drain() {
	srv := netmux.Server{Fallback: "http/1.1"}
	web, err := srv.ProtocolListener("http/1.1")
	if err != nil {
		log.Fatal(err)
	}
	arrived, finish := make(chan struct{}), make(chan struct{})
	pages := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(arrived)
		<-finish // in place of long work
		io.WriteString(w, "all of the page")
	})}
	go pages.Serve(web)
	port, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(port) }()

	answered := make(chan string, 1)
	go func() {
		response, err := http.Get("http://" + port.Addr().String())
		if err != nil {
			log.Fatal(err)
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		if err != nil {
			log.Fatal(err)
		}
		answered <- string(body)
	}()
	<-arrived
	go close(finish) // while the servers shut down

	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := errors.Join(web.Drain(ctx), pages.Shutdown(ctx), srv.Shutdown(ctx)); err != nil {
		pages.Close()
		srv.Close()
		log.Fatal(err)
	}
	fmt.Println(<-answered)
	fmt.Println(<-served)
	// Output:
	// all of the page
	// netmux: server closed
}
