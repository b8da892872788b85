package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/multiselect/multiselect/internal/streamtest"
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "services:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	server, client, err := streamtest.SelfSigned()
	if err != nil {
		return err
	}
	s, err := newServices()
	if err != nil {
		return err
	}
	plain, secure, err := s.listen(server, nil)
	if err != nil {
		return err
	}
	for _, p := range []port{{addr: plain}, {secure, client}} {
		for _, q := range questions(p) {
			heard, err := q.ask(ctx, p)
			if err != nil {
				return fmt.Errorf("%s on %s: %w", q.name, p.addr, err)
			}
			fmt.Printf("%s  %-28s %s\n", p.addr, q.name, heard)
			if heard != q.want {
				return fmt.Errorf("%s on %s: heard %q, want %q", q.name, p.addr, heard, q.want)
			}
		}
	}
	return s.shutdown(ctx)
}

// question is what a client asks on one of the ports.
type question struct {
	kind int // of those that the server counts
	name string
	ask  func(context.Context, port) (string, error)
	want string
}

func questions(p port) []question {
	echo := func(lazy bool) func(context.Context, port) (string, error) {
		return func(ctx context.Context, p port) (string, error) { return p.echo(ctx, "hello", lazy) }
	}
	https := func(names ...string) func(context.Context, port) (string, error) {
		return func(ctx context.Context, p port) (string, error) { return p.https(ctx, names...) }
	}
	socket := func(ctx context.Context, p port) (string, error) { return p.socket(ctx, "hello") }
	both := []question{
		{viaSocket, "WebSocket", socket, "hello"},
		{viaWho, "my address", func(ctx context.Context, p port) (string, error) { return p.who(ctx) }, "me"},
		{viaGRPC, "gRPC health", func(ctx context.Context, p port) (string, error) { return p.health(ctx) }, "SERVING"},
		{viaEcho, "echo", echo(false), "hello"},
		{viaEcho, "echo, lazy", echo(true), "hello"},
	}
	http1 := func(ctx context.Context, p port) (string, error) { return p.http1(ctx) }
	http2 := func(ctx context.Context, p port) (string, error) { return p.http2(ctx) }
	stock := func(ctx context.Context, p port) (string, error) { return p.stock(ctx) }
	if p.tls == nil {
		return append(both,
			question{viaHTTP, "HTTP/1.1", http1, "HTTP/1.1, no TLS"},
			question{viaHTTP, "HTTP/2", http2, "HTTP/2.0, no TLS"},
			question{viaHTTP, "HTTP, no negotiation", stock, "HTTP/1.1, no TLS"})
	}
	return append(both,
		question{viaHTTP, "HTTP/1.1 by ALPN", https(http1Protocol), `HTTP/1.1, TLS 1.3, ALPN "http/1.1"`},
		question{viaHTTP, "HTTP/2 by ALPN", https(http2Protocol, http1Protocol), `HTTP/2.0, TLS 1.3, ALPN "h2"`},
		question{viaHTTP, "HTTP/1.1 in band", http1, `HTTP/1.1, TLS 1.3, ALPN ""`},
		question{viaHTTP, "HTTPS, a client as it comes", stock, `HTTP/2.0, TLS 1.3, ALPN "h2"`})
}
