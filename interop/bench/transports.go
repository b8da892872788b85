package main

import (
	"io"
	"net"
	"os"
	"path/filepath"
)

// transport connects two ends in this process.
type transport struct {
	name string
	open func() (link, error)
}

// link is an open stream; close also closes the connection below it.
type link struct {
	initiator, responder io.ReadWriteCloser
	close                func()
}

// transports are in the order of their floors.
var transports = []transport{
	{"in-memory", openDuplex},
	{"net.Pipe", openPipe},
	{"unix", openUnix},
	{"TCP", openTCP},
	{"yamux v5", openYamux5},
	{"hashicorp yamux", openHashicorpYamux},
	{"QUIC", openQUIC},
}

func transportNamed(name string) transport {
	for _, t := range transports {
		if t.name == name {
			return t
		}
	}
	panic("no transport " + name)
}

func openDuplex() (link, error) {
	a, b := newDuplex()
	return link{a, b, func() { a.Close() }}, nil
}

func openPipe() (link, error) {
	a, b := net.Pipe()
	return link{a, b, func() { a.Close() }}, nil
}

func openTCP() (link, error) { return openNet("tcp", "127.0.0.1:0") }

func openUnix() (link, error) {
	folder, err := os.MkdirTemp("", "bench")
	if err != nil {
		return link{}, err
	}
	defer os.RemoveAll(folder) // the connection does not need it
	return openNet("unix", filepath.Join(folder, "s"))
}

func openNet(network, address string) (link, error) {
	a, b, err := connected(network, address)
	if err != nil {
		return link{}, err
	}
	return link{a, b, func() { a.Close(); b.Close() }}, nil
}

// connected returns both ends of a connection through the kernel.
func connected(network, address string) (initiator, responder net.Conn, err error) {
	l, err := net.Listen(network, address)
	if err != nil {
		return nil, nil, err
	}
	defer l.Close()
	if initiator, err = net.Dial(network, l.Addr().String()); err != nil {
		return nil, nil, err
	}
	if responder, err = l.Accept(); err != nil {
		initiator.Close()
		return nil, nil, err
	}
	return initiator, responder, nil
}
