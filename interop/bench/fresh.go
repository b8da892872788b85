package main

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Here each negotiation has a connection or a stream of its own, and many clients
// negotiate concurrently. The cost is the processor time of both sides, with that of the
// kernel, and not the time on the clock.

// clientCounts are the numbers of concurrent clients.
var clientCounts = []int{1, 100, 1000}

// source makes new streams, both ends in this process.
type source struct {
	name string
	open func() (supply, error)
}

type supply struct {
	dial, accept func() (io.ReadWriteCloser, error)
	close        func()
}

var sources = []source{{"new TCP connection", supplyTCP}, {"new yamux v5 stream", supplyYamux5}}

func supplyTCP() (supply, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return supply{}, err
	}
	dial := func() (io.ReadWriteCloser, error) {
		conn, err := net.Dial("tcp", l.Addr().String())
		if err == nil {
			// Without this, closed connections use up the ports.
			err = conn.(*net.TCPConn).SetLinger(0)
		}
		return conn, err
	}
	accept := func() (io.ReadWriteCloser, error) { return l.Accept() }
	return supply{dial, accept, func() { l.Close() }}, nil
}

func supplyYamux5() (supply, error) {
	client, server, err := yamux5Pair()
	if err != nil {
		return supply{}, err
	}
	dial := func() (io.ReadWriteCloser, error) { return client.OpenStream(context.Background()) }
	accept := func() (io.ReadWriteCloser, error) { return server.AcceptStream() }
	return supply{dial, accept, func() { client.Close(); server.Close() }}, nil
}

// raceFresh compares variants with that many concurrent clients.
func raceFresh(src source, rounds, clients int, vs []variant) (results, error) {
	from, err := src.open()
	if err != nil {
		return nil, err
	}
	defer from.close()
	var contenders []contender
	for _, v := range vs {
		ask, answer := v.initiator.initiate(oneLength), v.responder.respond(oneLength)
		contenders = append(contenders, contender{
			name: v.name,
			size: max(200, clients),
			run: func(n int) (time.Duration, error) {
				before := processorTime()
				err := runCrowd(from, clients, n, ask, answer)
				return processorTime() - before, err
			},
		})
	}
	return race(rounds, contenders)
}

// runCrowd runs n negotiations, which the clients share.
func runCrowd(from supply, clients, n int, ask, answer func(io.ReadWriteCloser) func() error) error {
	var mu sync.Mutex
	var errs []error
	failed := func(err error) {
		if err != nil {
			mu.Lock()
			errs = append(errs, err)
			mu.Unlock()
		}
	}
	var all sync.WaitGroup
	all.Go(func() {
		for range n {
			stream, err := from.accept()
			if err != nil {
				failed(err)
				return
			}
			all.Go(func() { failed(serveOnce(stream, answer)) })
		}
	})
	for i := range clients {
		all.Go(func() {
			for range share(n, clients, i) {
				stream, err := from.dial()
				if err != nil {
					failed(err)
					from.close() // or accept blocks without end
					return
				}
				failed(serveOnce(stream, ask))
			}
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

func serveOnce(stream io.ReadWriteCloser, serve func(io.ReadWriteCloser) func() error) error {
	defer stream.Close()
	return serve(stream)()
}

// share returns the i-th of m equal parts of n.
func share(n, m, i int) int { return (n + m - 1 - i) / m }

// processorTime returns the processor time of this process, with that of the kernel.
func processorTime() time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		panic(err) // impossible with these arguments
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
