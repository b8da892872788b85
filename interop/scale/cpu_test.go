//go:build unix

package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/multiselect/multiselect/internal/streamtest"
)

// BenchmarkTCP measures what cpu.go holds: the processor time of both ends and
// of the kernel, for negotiations one after the other on one loopback
// connection. It counts processor time and not the clock's, because the machine
// may be shared.
//
//	GOWORK=off taskset -c 0 go test -run '^$' -bench TCP -cpu 1 -count 9
func BenchmarkTCP(b *testing.B) {
	d := dialAt(1, peerNames, stranger)
	flight := make([]byte, sequentialCost(d).out.bytes)
	b.Run("floor", func(b *testing.B) { benchmarkFloor(b, flight) })
	d.noList = true
	b.Run("no list/k=1", func(b *testing.B) { benchmarkDial(b, callerOf(ls), d) })
	for _, c := range []caller{callerOf(wait), callerOf(sequential), callerOf(ls)} {
		for _, k := range []int{1, 2, 5, 10} {
			d := dialAt(k, peerNames, stranger)
			b.Run(fmt.Sprintf("%s/k=%d", c.name, k), func(b *testing.B) { benchmarkDial(b, c, d) })
		}
	}
	request := framed(d)
	b.Run("request/floor", func(b *testing.B) { benchmarkFloor(b, request) })
	b.Run("request/sequential", func(b *testing.B) { benchmarkRequest(b, d, request, sequentialRequest) })
	b.Run("request/lazy", func(b *testing.B) { benchmarkRequest(b, d, request, lazyRequest) })
}

// benchmarkRequest negotiates, sends a request and gets it back as the response:
// what a lazy stream costs shows only together with what travels along.
func benchmarkRequest(b *testing.B, d dial, request []byte, ask func(net.Conn, string, []byte) (io.ReadWriter, error)) {
	m := d.muxer(b)
	response, received := bytes.Clone(request), bytes.Clone(request)
	benchmark(b, 1, func(c net.Conn) error {
		stream, err := ask(c, d.names[0], request)
		if err != nil {
			return err
		}
		_, err = io.ReadFull(stream, response)
		return err
	}, func(c net.Conn) error {
		if _, _, err := m.Negotiate(context.Background(), c); err != nil {
			return err
		}
		if _, err := io.ReadFull(c, received); err != nil {
			return err
		}
		_, err := c.Write(received)
		return err
	})
}

func sequentialRequest(c net.Conn, name string, request []byte) (io.ReadWriter, error) {
	if _, err := client.SelectOneOf(context.Background(), c, name); err != nil {
		return nil, err
	}
	_, err := c.Write(request)
	return c, err
}

func lazyRequest(c net.Conn, name string, request []byte) (io.ReadWriter, error) {
	l, err := client.Lazy(context.Background(), c, name)
	if err != nil {
		return nil, err
	}
	_, err = l.Write(request)
	return l, err
}

func benchmarkDial(b *testing.B, s caller, d dial) {
	m := d.muxer(b)
	benchmark(b, s.cost(d).out.flights, func(c net.Conn) error {
		_, err := s.call(context.Background(), func() net.Conn { return c }, d, nil)
		return err
	}, func(c net.Conn) error {
		_, _, err := m.Negotiate(context.Background(), c)
		return err
	})
}

// benchmarkFloor moves the bytes of an exchange and does nothing else.
func benchmarkFloor(b *testing.B, flight []byte) {
	asked, answered := bytes.Clone(flight), bytes.Clone(flight)
	benchmark(b, 1, func(c net.Conn) error {
		if _, err := c.Write(asked); err != nil {
			return err
		}
		_, err := io.ReadFull(c, asked)
		return err
	}, func(c net.Conn) error {
		if _, err := io.ReadFull(c, answered); err != nil {
			return err
		}
		_, err := c.Write(answered)
		return err
	})
}

func benchmark(b *testing.B, exchanges int, initiate, respond func(net.Conn) error) {
	initiator, responder := streamtest.TCP(b)
	defer responder.Close()
	done := make(chan error, 1)
	go func() {
		var err error
		for err == nil {
			err = respond(responder)
		}
		done <- err
	}()
	before := processorTime(b)
	for b.Loop() {
		if err := initiate(initiator); err != nil {
			b.Fatal(err)
		}
	}
	used := processorTime(b) - before
	b.ReportMetric(float64(used)/float64(b.N*exchanges), "cpu-ns/exchange")
	initiator.Close()
	<-done
}

func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
