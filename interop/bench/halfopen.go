package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"slices"

	"github.com/multiselect/multiselect/wire"
)

// Half-open negotiations are those whose initiator has stopped speaking. What
// one holds is measured in a process that has nothing but responders: this
// program again, see child.go. The silent initiators are here.

const halfOpen = 10_000

// silences are what an initiator has sent when it stops.
var silences = []struct{ name, bytes string }{
	{"nothing", ""},
	{"10 bytes of the header", wire.HeaderFrame[:10]},
	{"the header", wire.HeaderFrame},
}

// held is what one half-open negotiation holds, in bytes.
type held struct{ heap, stack, resident float64 }

// sum is what Go holds. The resident size has the kernel's rounding in it.
func (h held) sum() float64 { return h.heap + h.stack }

// halfOpenTCP is what a TCP connection holds with a responder of child.go.
func halfOpenTCP(responder, sent string) (held, error) {
	return askChild("tcp:"+responder, func(address string) (func(), error) {
		conns := make([]net.Conn, 0, halfOpen)
		hangUp := func() {
			for _, conn := range conns {
				conn.(*net.TCPConn).SetLinger(0) // leave nothing behind in the kernel
				conn.Close()
			}
		}
		for range halfOpen {
			conn, err := net.Dial("tcp", address)
			if err != nil {
				return hangUp, err
			}
			conns = append(conns, conn)
			if _, err := io.WriteString(conn, sent); err != nil {
				return hangUp, err
			}
		}
		return hangUp, nil
	})
}

// halfOpenYamux5 is what a stream holds, both its ends together.
func halfOpenYamux5(responder string) (held, error) {
	return askChild("yamux5:"+responder, func(string) (func(), error) { return func() {}, nil })
}

// askChild starts a child, has it called by dial, and returns what it says.
func askChild(what string, dial func(address string) (hangUp func(), err error)) (h held, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("half-open %s: %w", what, err)
		}
	}()
	self, err := os.Executable()
	if err != nil {
		return h, err
	}
	cmd := exec.Command(self, "-child", what)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return h, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return h, err
	}
	if err := cmd.Start(); err != nil {
		return h, err
	}
	defer func() { in.Close(); err = errors.Join(err, cmd.Wait()) }()
	said := bufio.NewReader(out)
	var address string
	if _, err := fmt.Fscanln(said, &address); err != nil {
		return h, err
	}
	hangUp, err := dial(address)
	defer hangUp()
	if err != nil {
		return h, err
	}
	fmt.Fprintln(in, "all sent")
	_, err = fmt.Fscanln(said, &h.heap, &h.stack, &h.resident)
	return h, err
}

// compare orders by what Go holds.
func (h held) compare(than held) int {
	switch {
	case h.sum() < than.sum():
		return -1
	case h.sum() > than.sum():
		return 1
	}
	return 0
}

// middleOf repeats a measurement and returns the median by sum.
func middleOf(times int, measure func() (held, error)) (held, error) {
	var all []held
	for range times {
		h, err := measure()
		if err != nil {
			return held{}, err
		}
		all = append(all, h)
	}
	slices.SortFunc(all, held.compare)
	return all[len(all)/2], nil
}
