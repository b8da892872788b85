package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"runtime/metrics"
	"strconv"
	"strings"
	"time"

	"github.com/multiselect/multiselect"
)

// holdingResponders are the responders whose half-open negotiations are measured. They
// return when the stream ends.
var holdingResponders = map[string]func(io.ReadWriteCloser){
	"accept":        nil, // the accepted connection alone, without a responder
	"floor":         holdFloor,
	"ours":          func(rw io.ReadWriteCloser) { holdingOurs.Negotiate(context.Background(), rw) },
	"ours-no-limit": func(rw io.ReadWriteCloser) { holdingOursNoLimit.Negotiate(context.Background(), rw) },
	"goms":          func(rw io.ReadWriteCloser) { holdingGoms.Negotiate(rw) },
}

var (
	holdingOurs        = oursMuxer(oneLength.serves)
	holdingOursNoLimit = oursMuxer(oneLength.serves)
	holdingGoms        = gomsMuxer(oneLength.serves)
)

func init() { holdingOursNoLimit.Limits.Timeout = multiselect.NoLimit }

// holdFloor is the minimum of a responder: a goroutine that is blocked in Read and has a
// buffer for the two messages.
func holdFloor(rw io.ReadWriteCloser) {
	buf := make([]byte, 36)
	for got := 0; got < len(buf); {
		n, err := rw.Read(buf[got:])
		if err != nil {
			return
		}
		got += n
	}
}

// runChild is the main function of a process that another process of this program has
// started. It runs one pass ("pass:TIME", see measurePass), or the responders of half-open
// negotiations ("tcp:ours"). Those print their address, wait for a line of input, and
// print the memory of one negotiation.
func runChild(task string) error {
	kind, which, _ := strings.Cut(task, ":")
	if kind == "pass" {
		return measurePass(which)
	}
	respond, ok := holdingResponders[which]
	if !ok {
		return fmt.Errorf("no responder %q", which)
	}
	switch kind {
	case "tcp":
		return childTCP(respond)
	case "yamux5":
		return childYamux5(respond)
	}
	return fmt.Errorf("no transport %q", kind)
}

func childTCP(respond func(io.ReadWriteCloser)) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(l.Addr())
	conns := make([]io.ReadWriteCloser, halfOpen)
	before := memoryInUse()
	for i := range conns {
		conn, err := l.Accept()
		if err != nil {
			return err
		}
		conns[i] = conn
	}
	return serveAll(conns, respond, before)
}

func childYamux5(respond func(io.ReadWriteCloser)) error {
	client, server, err := yamux5Pair()
	if err != nil {
		return err
	}
	fmt.Println("none")
	streams, openers := make([]io.ReadWriteCloser, halfOpen), make([]io.Closer, halfOpen)
	before := memoryInUse()
	for i := range streams {
		opener, err := client.OpenStream(context.Background())
		if err != nil {
			return err
		}
		openers[i] = opener // a silent initiator, kept alive
		if streams[i], err = server.AcceptStream(); err != nil {
			return err
		}
	}
	defer runtime.KeepAlive(openers)
	return serveAll(streams, respond, before)
}

// serveAll starts a responder on each connection, prints the memory of each, and exits the
// process while all of them are half-open.
func serveAll(conns []io.ReadWriteCloser, respond func(io.ReadWriteCloser), before memory) error {
	in := bufio.NewReader(os.Stdin)
	if _, err := in.ReadString('\n'); err != nil {
		return err
	}
	if respond != nil {
		waiting := waitingGoroutines()
		for _, conn := range conns {
			go respond(conn)
		}
		for deadline := time.Now().Add(30 * time.Second); waitingGoroutines()-waiting < halfOpen; {
			if time.Now().After(deadline) {
				return errors.New("not all responders wait for their peers")
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
	after := memoryInUse()
	fmt.Println((after.heap-before.heap)/halfOpen, (after.stack-before.stack)/halfOpen, (after.resident-before.resident)/halfOpen)
	runtime.KeepAlive(conns)
	in.ReadString('\n')
	os.Exit(0)
	return nil
}

// memoryInUse returns the memory of this process.
func memoryInUse() memory {
	runtime.GC()
	runtime.GC() // the first one leaves the contents of pools for the second
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return memory{float64(m.HeapAlloc), float64(m.StackInuse), residentSize()}
}

// residentSize returns the resident size in bytes, or 0 if the kernel does not report it.
func residentSize() float64 {
	statm, err := os.ReadFile("/proc/self/statm")
	if fields := bytes.Fields(statm); err == nil && len(fields) > 1 {
		pages, _ := strconv.ParseFloat(string(fields[1]), 64)
		return pages * float64(os.Getpagesize())
	}
	return 0
}

func waitingGoroutines() int {
	sample := []metrics.Sample{{Name: "/sched/goroutines/waiting:goroutines"}}
	metrics.Read(sample)
	return int(sample[0].Value.Uint64())
}
