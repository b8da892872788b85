package main

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"slices"

	"github.com/multiselect/multiselect/wire"
)

// A negotiation is half-open while its initiator has stopped sending. Its memory is
// measured in a process that contains only responders: this program again, see child.go.
// The silent initiators are here.

// halfOpen is the number of half-open negotiations.
const halfOpen = 10_000

// memoryTimes is the number of measurements of memory of which the median counts.
const memoryTimes = 3

// silences are the bytes that an initiator sends before it stops.
var silences = []struct{ name, bytes string }{
	{"nothing", ""},
	{"10 bytes of the header", wire.HeaderFrame[:10]},
	{"the header", wire.HeaderFrame},
}

// memory is the memory of one half-open negotiation, in bytes.
type memory struct{ heap, stack, resident float64 }

// sum omits the resident size, which the kernel rounds to pages.
func (m memory) sum() float64 { return m.heap + m.stack }

// halfOpenTCP measures the memory of a TCP connection with a responder of child.go.
func (p program) halfOpenTCP(responder, sent string) (memory, error) {
	return p.measureChild("tcp:"+responder, func(address string) (func(), error) {
		conns := make([]net.Conn, 0, halfOpen)
		closeAll := func() {
			for _, conn := range conns {
				conn.(*net.TCPConn).SetLinger(0) // or the kernel keeps the ports for a while
				conn.Close()
			}
		}
		for range halfOpen {
			conn, err := net.Dial("tcp", address)
			if err != nil {
				return closeAll, err
			}
			conns = append(conns, conn)
			if _, err := io.WriteString(conn, sent); err != nil {
				return closeAll, err
			}
		}
		return closeAll, nil
	})
}

// halfOpenYamux5 measures the memory of a stream, of both its ends together.
func (p program) halfOpenYamux5(responder string) (memory, error) {
	return p.measureChild("yamux5:"+responder, func(string) (func(), error) { return func() {}, nil })
}

// measureChild starts a child, connects to it with dial, and returns its output.
func (p program) measureChild(task string, dial func(address string) (closeAll func(), err error)) (m memory, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("half-open %s: %w", task, err)
		}
	}()
	cmd := exec.Command(string(p), "-child", task)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return m, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return m, err
	}
	if err := cmd.Start(); err != nil {
		return m, err
	}
	defer func() { in.Close(); err = errors.Join(err, cmd.Wait()) }()
	out := bufio.NewReader(stdout)
	var address string
	if _, err := fmt.Fscanln(out, &address); err != nil {
		return m, err
	}
	closeAll, err := dial(address)
	defer closeAll()
	if err != nil {
		return m, err
	}
	fmt.Fprintln(in, "all sent")
	_, err = fmt.Fscanln(out, &m.heap, &m.stack, &m.resident)
	return m, err
}

// medianMemory repeats a measurement and returns the median by sum.
func medianMemory(times int, measure func() (memory, error)) (memory, error) {
	var all []memory
	for range times {
		m, err := measure()
		if err != nil {
			return memory{}, err
		}
		all = append(all, m)
	}
	slices.SortFunc(all, func(a, b memory) int { return cmp.Compare(a.sum(), b.sum()) })
	return all[len(all)/2], nil
}
