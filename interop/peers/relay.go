package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/multiselect/multiselect/wire"
)

// manner is how a relay passes bytes on; the zero value: as they come.
type manner struct {
	byteByByte bool // each in a write of its own, both ways
	// there is how many of the initiator's first bytes are passed on in one
	// piece. An initiator that waits for an answer before it has said as much
	// never gets one.
	there int
	// back is how many bytes after the responder's header are passed on in one
	// piece; the header is not held, as there are initiators that wait for it.
	back int
}

// relay stands between an initiator and a responder, for one connection. It
// changes how the bytes are cut, and keeps them.
type relay struct {
	listener  net.Listener
	responder string
	manner    manner

	remote  string       // this end of the connection to the responder
	there   bytes.Buffer // what the initiator said
	back    bytes.Buffer // what the responder said
	dialled chan error
	done    chan struct{}
}

func newRelay(responder string, m manner) (*relay, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &relay{listener: l, responder: responder, manner: m}
	r.dialled, r.done = make(chan error, 1), make(chan struct{})
	go r.run()
	return r, nil
}

func (r *relay) address() string { return r.listener.Addr().String() }

func (r *relay) run() {
	defer close(r.done)
	initiator, err := r.listener.Accept()
	r.listener.Close()
	if err != nil {
		r.dialled <- err
		return
	}
	defer initiator.Close()
	responder, err := net.Dial("tcp", r.responder)
	if err != nil {
		r.dialled <- err
		return
	}
	defer responder.Close()
	r.remote = responder.LocalAddr().String()
	r.dialled <- nil
	limit := time.Now().Add(patience)
	initiator.SetDeadline(limit)
	responder.SetDeadline(limit)

	var halves sync.WaitGroup
	halves.Go(func() { r.pass(responder, initiator, &r.there, 0, r.manner.there) })
	halves.Go(func() { r.pass(initiator, responder, &r.back, len(wire.HeaderFrame), r.manner.back) })
	halves.Wait()
}

// pass passes one half on, with its end; a half that broke breaks the other end,
// too. It holds the bytes after the first free ones until a whole piece is there.
func (r *relay) pass(to, from net.Conn, kept *bytes.Buffer, free, piece int) {
	sent := 0
	buf := make([]byte, 4096)
	for {
		n, err := from.Read(buf)
		kept.Write(buf[:n])
		said := kept.Bytes()
		if len(said) < free+piece && err == nil {
			said = said[:min(len(said), free)]
		}
		if werr := r.write(to, said[sent:]); werr != nil {
			reset(from)
			return
		}
		sent = len(said)
		switch {
		case err == io.EOF:
			to.(*net.TCPConn).CloseWrite()
			return
		case err != nil:
			reset(to)
			return
		}
	}
}

func (r *relay) write(to net.Conn, p []byte) error {
	step := len(p)
	if r.manner.byteByByte {
		step = 1
	}
	for len(p) > 0 {
		if _, err := to.Write(p[:step]); err != nil {
			return err
		}
		p = p[step:]
	}
	return nil
}

func reset(conn net.Conn) {
	conn.(*net.TCPConn).SetLinger(0)
	conn.Close()
}

// said shows the whole conversation.
func (r *relay) said() string {
	return fmt.Sprintf("> %q\n< %q", r.there.Bytes(), r.back.Bytes())
}

// close ends it, if nobody came.
func (r *relay) close() {
	r.listener.Close()
	<-r.done
}
