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

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/netmux"
)

// Two protocols on one port, each with a handler. The client names the one it wants.
func ExampleServer() {
	var srv netmux.Server
	handlers := map[string]multiselect.Handler{
		"/echo/1.0.0": func(_ context.Context, _ string, stream io.ReadWriteCloser) {
			defer stream.Close()
			io.Copy(stream, stream)
		},
		"/greet/1.0.0": func(_ context.Context, _ string, stream io.ReadWriteCloser) {
			defer stream.Close()
			name, err := io.ReadAll(stream)
			if err != nil {
				panic(netmux.ErrAbortHandler) // resets the connection
			}
			fmt.Fprintf(stream, "hello, %s", name)
		},
	}
	for protocol, handler := range handlers {
		if err := srv.Muxer.AddHandler(protocol, handler); err != nil {
			log.Fatal(err)
		}
	}
	port, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go srv.Serve(port)
	defer srv.Close()

	for _, protocol := range []string{"/echo/1.0.0", "/greet/1.0.0"} {
		dialer := &netmux.Dialer{Protocols: []string{protocol}}
		conn, err := dialer.DialContext(context.Background(), "tcp", port.Addr().String())
		if err != nil {
			log.Fatal(err)
		}
		io.WriteString(conn, "gopher")
		conn.(*net.TCPConn).CloseWrite() // the connection is no wrapper
		reply, err := io.ReadAll(conn)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s: %s\n", protocol, reply)
		conn.Close()
	}
	// Output:
	// /echo/1.0.0: gopher
	// /greet/1.0.0: hello, gopher
}

// An HTTP server runs on a Listener as on any net.Listener, and other protocols can share its
// port. With Fallback it also serves clients that do not negotiate, such as browsers and curl.
func ExampleServer_ProtocolListener() {
	srv := netmux.Server{Fallback: "http/1.1"}
	web, err := srv.ProtocolListener("http/1.1") // opens no port
	if err != nil {
		log.Fatal(err)
	}
	go http.Serve(web, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "hello from ", r.URL.Path)
	}))
	port, err := net.Listen("tcp", "127.0.0.1:0") // opens the port
	if err != nil {
		log.Fatal(err)
	}
	go srv.Serve(port)
	defer srv.Close()

	dialer := &netmux.Dialer{Protocols: []string{"http/1.1"}}
	negotiating := &http.Client{Transport: &http.Transport{DialContext: dialer.DialContext}}
	plain := &http.Client{Transport: &http.Transport{}}
	for _, client := range []*http.Client{negotiating, plain} {
		response, err := client.Get("http://" + port.Addr().String() + "/page")
		if err != nil {
			log.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		if err != nil {
			log.Fatal(err)
		}
		response.Body.Close()
		client.CloseIdleConnections()
		fmt.Println(response.StatusCode, string(body))
	}
	// Output:
	// 200 hello from /page
	// 200 hello from /page
}

// A call that was meant for net.Listen fails, and tells which calls open a port.
func ExampleServer_ProtocolListener_address() {
	var srv netmux.Server
	_, err := srv.ProtocolListener(":8080")
	fmt.Println(errors.Is(err, multiselect.ErrInvalidName))
	fmt.Println(err)
	// Output:
	// true
	// netmux: invalid protocol name: ":8080" is a network address, and ProtocolListener opens no port: use net.Listen with Server.Serve, or Server.ListenAndServe
}

// A Dialer proposes its protocols in order and tells which one was agreed on. A peer that
// supports none of them is no broken connection, and has an error of its own.
func ExampleDialer() {
	var srv netmux.Server
	err := srv.Muxer.AddHandler("/chat/1.0.0", func(_ context.Context, protocol string, stream io.ReadWriteCloser) {
		defer stream.Close()
		fmt.Fprint(stream, "welcome to ", protocol)
	})
	if err != nil {
		log.Fatal(err)
	}
	port, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go srv.Serve(port)
	defer srv.Close()

	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	dialer := &netmux.Dialer{Protocols: []string{"/chat/2.0.0", "/chat/1.0.0"}}
	conn, protocol, err := dialer.DialProtocol(ctx, "tcp", port.Addr().String())
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	greeting, err := io.ReadAll(conn)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("agreed on", protocol)
	fmt.Println(string(greeting))

	other := &netmux.Dialer{Protocols: []string{"/mail/1.0.0"}}
	_, err = other.DialContext(ctx, "tcp", port.Addr().String())
	fmt.Println("not supported:", errors.Is(err, multiselect.ErrNotSupported))
	// Output:
	// agreed on /chat/1.0.0
	// welcome to /chat/1.0.0
	// not supported: true
}

// Shutdown closes the port and waits until the handlers have returned. Functions registered by
// RegisterOnShutdown can tell them to finish.
func ExampleServer_Shutdown() {
	var srv netmux.Server
	finish := make(chan struct{})
	srv.RegisterOnShutdown(func() { close(finish) })
	err := srv.Muxer.AddHandler("/work/1.0.0", func(_ context.Context, _ string, stream io.ReadWriteCloser) {
		defer stream.Close()
		io.WriteString(stream, "started, ")
		<-finish // in place of long work
		io.WriteString(stream, "finished")
	})
	if err != nil {
		log.Fatal(err)
	}
	port, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(port) }()

	dialer := &netmux.Dialer{Protocols: []string{"/work/1.0.0"}}
	conn, err := dialer.DialContext(context.Background(), "tcp", port.Addr().String())
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	started := make([]byte, len("started, "))
	if _, err := io.ReadFull(conn, started); err != nil {
		log.Fatal(err)
	}

	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := srv.Shutdown(ctx); err != nil {
		srv.Close() // the handlers that have not returned in time lose their connections
		log.Fatal(err)
	}
	rest, err := io.ReadAll(conn)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s%s\n", started, rest)
	fmt.Println(errors.Is(<-served, netmux.ErrServerClosed))
	_, err = dialer.DialContext(context.Background(), "tcp", port.Addr().String())
	fmt.Println("refused afterwards:", err != nil)
	// Output:
	// started, finished
	// true
	// refused afterwards: true
}
