package main

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/multiselect/multiselect"
)

// server is the responder: it negotiates on each connection in a goroutine of
// its own and hands it to the target of the protocol.
type server struct {
	muxer multiselect.Muxer
	log   *serverLog

	negotiating, serving         context.Context
	stopNegotiating, stopServing context.CancelFunc

	mu      sync.Mutex
	conns   map[*connection]bool
	ended   bool
	count   int
	running sync.WaitGroup
}

// connection is a client's connection or stream, as the muxer passes it to handlers.
type connection struct {
	halfCloser
	label string // identifies it in the log
}

// ResetWithError resets the stream, whose own method embedding hides. The library
// calls it to end a failed negotiation.
func (c *connection) ResetWithError(code uint32) error {
	return resetWithCode(c.halfCloser, code)
}

func newServer(routes []route, limits multiselect.Limits, log *serverLog) (*server, error) {
	s := &server{log: log, conns: make(map[*connection]bool)}
	s.muxer.Limits = limits
	s.negotiating, s.stopNegotiating = context.WithCancel(context.Background())
	s.serving, s.stopServing = context.WithCancel(context.Background())
	for _, r := range routes {
		err := s.muxer.AddHandler(r.protocol, func(ctx context.Context, protocol string, stream io.ReadWriteCloser) {
			c := stream.(*connection)
			defer c.Close()
			stderr, end := log.stderr(c, protocol)
			defer end()
			if err := r.target.serve(ctx, protocol, c.halfCloser, stderr); err != nil {
				log.broken(c, r, err)
			}
		})
		switch {
		case errors.Is(err, multiselect.ErrConflict):
			return nil, usagef("%s is to be served twice", display(r.protocol))
		case err != nil:
			return nil, usagef("%s: %v", r, err)
		}
	}
	return s, nil
}

// accept serves the connections of ln. It returns nil when ln was closed.
func (s *server) accept(ln net.Listener) error {
	const shortest, longest = 5 * time.Millisecond, time.Second
	pause := shortest
	for {
		conn, err := ln.Accept()
		var temporary interface{ Temporary() bool }
		switch {
		case err == nil:
			pause = shortest
			s.start(conn.(halfCloser))
		case errors.Is(err, net.ErrClosed):
			return nil
		case errors.As(err, &temporary) && temporary.Temporary():
			// Usually out of file descriptors: connections that end free some.
			s.log.notAccepted(err)
			select {
			case <-time.After(pause):
			case <-s.negotiating.Done():
			}
			pause = min(2*pause, longest)
		default:
			return local("accepting connections", err)
		}
	}
}

func (s *server) start(conn halfCloser) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		conn.Close()
		return
	}
	s.count++
	c := &connection{conn, conn.RemoteAddr().String()}
	if conn.RemoteAddr().Network() == "unix" {
		c.label = "client " + strconv.Itoa(s.count) // unix clients have no name
	}
	s.conns[c] = true
	s.running.Go(func() {
		defer s.forget(c)
		s.handle(c)
	})
}

func (s *server) forget(c *connection) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
}

// handle is like [multiselect.Muxer.ServeStream] with one context for the
// negotiation and one for the handler: a server that stops ends negotiations
// immediately and lets targets finish.
func (s *server) handle(c *connection) {
	entry := s.log.open(c)
	protocol, h, err := s.muxer.Negotiate(entry.watch(s.negotiating), c)
	entry.close(protocol, err)
	if err == nil {
		h(s.serving, protocol, c)
	}
}

// drain ends negotiations and waits for the targets to finish, for drainTime
// at most. It fails with errInterrupted if a signal comes before that.
func (s *server) drain(signals <-chan os.Signal) (err error) {
	s.stopNegotiating()
	finished := make(chan struct{})
	go func() {
		s.running.Wait()
		close(finished)
	}()
	select {
	case <-finished:
		return nil
	case <-time.After(drainTime):
	case <-signals:
		err = &failure{code: exitInterrupted, err: errInterrupted}
	}
	s.end()
	// Killed commands and closed connections end their goroutines, but mss must not
	// wait for a process that is stuck in the system.
	select {
	case <-finished:
	case <-time.After(killTime):
	}
	return err
}

// killTime bounds how long drain waits for targets after it has ended them.
const killTime = 250 * time.Millisecond

// end resets all connections, including those that are accepted later.
func (s *server) end() {
	s.stopNegotiating()
	s.stopServing()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	for c := range s.conns {
		reset(c.halfCloser) // the client must not mistake partial data for the whole
	}
}
