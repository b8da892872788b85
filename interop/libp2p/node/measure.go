package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/metrics"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
)

const (
	rounds  = 2000 // streams, one after the other
	batches = 10   // of them
	crowd   = 16   // streams at once
	silents = 20   // streams to a silent peer
)

// request is a delimited message, as most protocols of libp2p have them.
var request = [32]byte{31}

// figures are what measure prints, by name.
type figures map[string]float64

// measure opens streams between two hosts of this process.
func measure(ctx context.Context, transport string) error {
	a, b, err := pair(ctx, transport)
	if err != nil {
		return err
	}
	defer a.Close()
	defer b.Close()
	f := figures{}
	if err := a.Peerstore().AddProtocols(b.ID(), reply); err != nil {
		return err
	}
	lazily := func(mark func()) error { return ask(ctx, a, b.ID(), mark, reply) }
	eagerly := func(proposals ...protocol.ID) func(mark func()) error {
		return func(mark func()) error {
			if err := forget(a, b.ID()); err != nil {
				return err
			}
			return ask(ctx, a, b.ID(), mark, proposals...)
		}
	}
	if err := f.streams("lazy", lazily); err != nil {
		return err
	}
	if err := f.crowd("lazy", lazily); err != nil {
		return err
	}
	if err := f.streams("eager", eagerly(reply)); err != nil {
		return err
	}
	if err := f.streams("third", eagerly(unknown, unknown+"x", reply)); err != nil {
		return err
	}
	// A stream without a negotiation, for comparison.
	b.Network().SetStreamHandler(sendBack)
	err = f.streams("raw", func(mark func()) error {
		s, err := a.Network().NewStream(ctx, b.ID())
		if err != nil {
			return err
		}
		return exchange(s, mark)
	})
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(f)
}

// pair makes two hosts that are connected.
func pair(ctx context.Context, transport string) (a, b host.Host, err error) {
	if b, err = newHost(transport); err != nil {
		return nil, nil, err
	}
	if a, err = newHost(transport); err != nil {
		return nil, nil, err
	}
	return a, b, a.Connect(ctx, *host.InfoFromHost(b))
}

// ask opens a stream, sends a request, reads the reply and closes. It marks when the
// stream is there, and when the reply is.
func ask(ctx context.Context, h host.Host, other peer.ID, mark func(), proposals ...protocol.ID) error {
	s, err := h.NewStream(ctx, other, proposals...)
	if err != nil {
		return err
	}
	return exchange(s, mark)
}

func exchange(s network.Stream, mark func()) error {
	mark()
	if _, err := s.Write(request[:]); err != nil {
		return err
	}
	var buffer [len(request)]byte
	if _, err := io.ReadFull(s, buffer[:]); err != nil {
		return err
	}
	mark()
	return s.Close()
}

// streams takes the figures of streams that are opened one after the other.
func (f figures) streams(name string, open func(mark func()) error) error {
	for range rounds / 10 { // to warm up
		if err := open(func() {}); err != nil {
			return err
		}
	}
	runtime.GC()
	var opened, replied []time.Duration
	marked := func() error {
		start, at := time.Now(), 0
		return open(func() {
			if at++; at == 1 {
				opened = append(opened, time.Since(start))
			} else {
				replied = append(replied, time.Since(start))
			}
		})
	}
	begin, busy := time.Now(), processorTime()
	for range batches {
		if err := f.batch(name, marked); err != nil {
			return err
		}
	}
	took, used := time.Since(begin), processorTime()-busy
	f[name+" streams/s"] = rounds / took.Seconds()
	f[name+" processor µs"] = float64(used.Nanoseconds()) / 1000 / rounds
	f.quantiles(name+" NewStream", opened)
	f.quantiles(name+" reply", replied)
	return nil
}

// batch counts what a stream takes, by the batch that took the least: a host works in the
// background, too.
func (f figures) batch(name string, open func() error) error {
	const size = rounds / batches
	before := counts()
	for range size {
		if err := open(); err != nil {
			return err
		}
	}
	for what, after := range counts() {
		n := (after - before[what]) / size
		if least, ok := f[name+" "+what]; !ok || n < least {
			f[name+" "+what] = n
		}
	}
	return nil
}

// counts returns what this process has taken since it began.
func counts() figures {
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	calls, bytes := systemCalls()
	return figures{
		"goroutines": float64(goroutines()), "allocations": float64(memory.Mallocs),
		"allocated bytes": float64(memory.TotalAlloc), "system calls": calls, "bytes": bytes,
	}
}

// crowd takes the rate of streams that are opened by several goroutines.
func (f figures) crowd(name string, open func(mark func()) error) error {
	failed := make(chan error, crowd)
	begin := time.Now()
	var wait sync.WaitGroup
	for range crowd {
		wait.Go(func() {
			for range rounds / crowd {
				if err := open(func() {}); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	wait.Wait()
	f[name+" streams/s at once"] = rounds / time.Since(begin).Seconds()
	close(failed)
	return <-failed
}

// goroutines returns how many goroutines this process has started.
func goroutines() uint64 {
	sample := []metrics.Sample{{Name: "/sched/goroutines-created:goroutines"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

func (f figures) quantiles(name string, took []time.Duration) {
	slices.Sort(took)
	f[name+" p50 µs"] = float64(took[len(took)/2].Nanoseconds()) / 1000
	f[name+" p99 µs"] = float64(took[len(took)*99/100].Nanoseconds()) / 1000
}

// systemCalls returns how many reads and writes this process has made, and of how many
// bytes. The kernel does not count sendmsg and recvmsg, which QUIC uses.
func systemCalls() (calls, bytes float64) {
	content, err := os.ReadFile("/proc/self/io")
	if err != nil {
		return 0, 0 // only Linux counts
	}
	for line := range strings.Lines(string(content)) {
		var n float64
		switch name, value, _ := strings.Cut(line, ":"); name {
		case "syscr", "syscw":
			fmt.Sscan(value, &n)
			calls += n
		case "wchar":
			fmt.Sscan(value, &n)
			bytes += n
		}
	}
	return calls, bytes
}

// processorTime returns how much of the processors this process has used.
func processorTime() time.Duration {
	var r syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &r) != nil {
		return 0
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// silent closes streams whose peer reads and never answers.
func silent(ctx context.Context, transport string) error {
	a, b, err := pair(ctx, transport)
	if err != nil {
		return err
	}
	defer a.Close()
	defer b.Close()
	b.Network().SetStreamHandler(func(s network.Stream) { io.Copy(io.Discard, s) })
	took := make([]time.Duration, silents)
	var wait sync.WaitGroup
	for i := range silents {
		s, err := knownStream(ctx, a, b.ID(), echo)
		if err != nil {
			return err
		}
		if _, err := s.Write(request[:]); err != nil {
			return err
		}
		wait.Go(func() {
			start := time.Now()
			s.Close()
			took[i] = time.Since(start)
		})
	}
	wait.Wait()
	f := figures{}
	f.quantiles("silent Close", took)
	return json.NewEncoder(os.Stdout).Encode(f)
}
