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
)

// holders are the responders whose half-open negotiations are measured. They
// return when the stream ends. A new one is one line.
var holders = map[string]func(io.ReadWriteCloser){
	"accept": nil, // only the accepted connection, nobody serves it
	"floor":  floorHolder,
	"ours":   func(rw io.ReadWriteCloser) { oursHeld.Negotiate(context.Background(), rw) },
	"goms":   func(rw io.ReadWriteCloser) { gomsHeld.Negotiate(rw) },
}

var (
	oursHeld = oursMuxer(oneLength.serves)
	gomsHeld = gomsMuxer(oneLength.serves)
)

// floorHolder is what any responder costs: a goroutine that is blocked in Read
// and has a buffer for the two messages.
func floorHolder(rw io.ReadWriteCloser) {
	buf := make([]byte, 36)
	for got := 0; got < len(buf); {
		n, err := rw.Read(buf[got:])
		if err != nil {
			return
		}
		got += n
	}
}

// runChild is a process that another one has started: one pass, see runPass, or the
// one that has the responders: "tcp:ours" and the like. That says where it listens,
// waits for a line, and says what one of them holds.
func runChild(what string) error {
	kind, which, _ := strings.Cut(what, ":")
	if kind == "pass" {
		return runPass(which)
	}
	respond, ok := holders[which]
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
	before := inUse()
	for i := range conns {
		conn, err := l.Accept()
		if err != nil {
			return err
		}
		conns[i] = conn
	}
	return holdAll(conns, respond, before)
}

func childYamux5(respond func(io.ReadWriteCloser)) error {
	client, server, err := yamux5Pair()
	if err != nil {
		return err
	}
	fmt.Println("none")
	streams, openers := make([]io.ReadWriteCloser, halfOpen), make([]io.Closer, halfOpen)
	before := inUse()
	for i := range streams {
		opener, err := client.OpenStream(context.Background())
		if err != nil {
			return err
		}
		openers[i] = opener // kept: an initiator that is there, and silent
		if streams[i], err = server.AcceptStream(); err != nil {
			return err
		}
	}
	defer runtime.KeepAlive(openers)
	return holdAll(streams, respond, before)
}

// holdAll serves all connections, says what each holds, and ends the process
// with everything half-open.
func holdAll(conns []io.ReadWriteCloser, respond func(io.ReadWriteCloser), before held) error {
	in := bufio.NewReader(os.Stdin)
	if _, err := in.ReadString('\n'); err != nil {
		return err
	}
	if respond != nil {
		waiting := waitingGoroutines()
		for _, conn := range conns {
			go respond(conn)
		}
		for patience := time.Now().Add(30 * time.Second); waitingGoroutines()-waiting < halfOpen; {
			if time.Now().After(patience) {
				return errors.New("not all responders wait for their peers")
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
	after := inUse()
	fmt.Println((after.heap-before.heap)/halfOpen, (after.stack-before.stack)/halfOpen, (after.resident-before.resident)/halfOpen)
	runtime.KeepAlive(conns)
	in.ReadString('\n')
	os.Exit(0)
	return nil
}

// inUse is what this process holds, all in all.
func inUse() held {
	runtime.GC()
	runtime.GC() // the first one only moves the pools' contents aside
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return held{float64(m.HeapAlloc), float64(m.StackInuse), residentSize()}
}

// residentSize is what the kernel counts, 0 where it does not tell.
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
