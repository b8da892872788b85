package multiselect_test

import (
	"context"
	"fmt"
	"io"
	"math"
	"net"
	"testing"

	"github.com/multiselect/multiselect/internal/apitest"
	"github.com/multiselect/multiselect/internal/child"
	"github.com/multiselect/multiselect/internal/streamtest"
)

// The benchmarks show the figures of README.md, "What you can rely on", in some seconds:
//
//	go test -bench . -run '^$'
//
// "×floor" is how many times as long it takes as the floor, the same bytes without a protocol,
// measured in turns on one processor. docs/performance.md has more transports and libraries.

// BenchmarkNegotiation shows "a negotiation takes 1.03 times as long as the same bytes without a
// protocol on loopback TCP, 1.07 on a unix socket", and "0 allocations", those of both sides
// together. In memory the floor is little more than the wake-up of a goroutine.
func BenchmarkNegotiation(b *testing.B) {
	name := []string{apitest.NameA}
	for _, transport := range []string{"memory", "unix", "tcp"} {
		b.Run(transport, func(b *testing.B) {
			connect := func() (initiator, responder io.ReadWriteCloser) {
				if transport == "memory" {
					return streamtest.Pipe()
				}
				return streamtest.Connect(b, transport)
			}
			initiator, responder := connect()
			negotiate := apitest.Endless(b, name, name, initiator, responder)
			initiator, responder = connect()
			streamtest.Compare(b, negotiate, apitest.EndlessFloor(b, initiator, responder))
		})
	}
}

// BenchmarkLazy shows "lazy streams: a request and its reply are 1 write and 1 read, if answer and
// reply arrive together; 1 allocation, of 288 bytes".
func BenchmarkLazy(b *testing.B) {
	initiator, responder := streamtest.TCP(b)
	counted := &streamtest.Counter{Conn: initiator}
	lazy := apitest.EndlessLazy(b, counted, responder)
	lazy()
	counted.ResetCounts()
	b.ReportAllocs()
	for b.Loop() {
		lazy()
	}
	b.ReportMetric(float64(counted.Writes.Load())/float64(b.N), "writes/op")
	b.ReportMetric(float64(counted.Reads.Load())/float64(b.N), "reads/op")
}

// BenchmarkNames shows "names: any number: … its time does not depend on the number": the floor
// is a negotiation with a responder that serves one name.
func BenchmarkNames(b *testing.B) {
	name := []string{apitest.NameA}
	many := name[:1:1]
	for i := range 100_000 {
		many = append(many, fmt.Sprintf("/foo/%07d", i)) // longer than the first, so that both take one read
	}
	initiator, responder := streamtest.Pipe()
	negotiate := apitest.Endless(b, many, name, initiator, responder)
	initiator, responder = streamtest.Pipe()
	streamtest.Compare(b, negotiate, apitest.Endless(b, name, name, initiator, responder))
}

// BenchmarkHalfOpen shows "waiting for a silent peer: at most 1.10 times the memory of a goroutine
// blocked in Read". It measures memory and no time.
func BenchmarkHalfOpen(b *testing.B) {
	const conns = 1000
	m := apitest.Muxer(b, apitest.NameA)
	serving := func(respond func(net.Conn)) func(net.Listener) {
		return func(l net.Listener) {
			for range conns {
				conn, err := l.Accept()
				if err != nil {
					b.Fatal(err)
				}
				go func() {
					defer conn.Close()
					respond(conn)
				}()
			}
		}
	}
	negotiate := func(conn net.Conn) { m.Negotiate(context.Background(), conn) }
	floor, ours := math.Inf(1), math.Inf(1)
	for b.Loop() {
		floor = min(floor, child.Held(b, conns, conns, serving(child.BlockInRead)).Sum())
		ours = min(ours, child.Held(b, conns, conns, serving(negotiate)).Sum())
	}
	b.ReportMetric(ours, "B/peer")
	b.ReportMetric(ours/floor, "×floor")
	b.ReportMetric(0, "ns/op") // is none
}
