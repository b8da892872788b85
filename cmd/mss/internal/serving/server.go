package serving

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

	"github.com/multiselect/multiselect/cmd/mss/internal/exit"
	"github.com/multiselect/multiselect/cmd/mss/internal/terminal"
	"github.com/multiselect/multiselect/cmd/mss/internal/transport"
)

// Server is the responder: it negotiates on each connection in a goroutine of
// its own and hands it to the target of the protocol.
type Server struct {
	muxer multiselect.Muxer
	log   *Log

	negotiating, serving             context.Context
	cancelNegotiating, cancelServing context.CancelFunc

	mu      sync.Mutex
	conns   map[*connection]bool
	ended   bool
	count   int
	running sync.WaitGroup
}

// connection is a client's connection or stream, as the muxer passes it to handlers.
type connection struct {
	transport.Stream
	label string // identifies it in the log
}

// ResetWithError resets the stream, whose own method embedding hides. The library
// calls it to end a failed negotiation.
func (c *connection) ResetWithError(code uint32) error {
	return transport.ResetWithCode(c.Stream, code)
}

// New returns a server of routes, whose negotiations have limits. The log must not be
// nil. It returns a usage error for names that cannot be served.
func New(routes []Route, limits multiselect.Limits, log *Log) (*Server, error) {
	s := &Server{log: log, conns: make(map[*connection]bool)}
	s.muxer.Limits, s.muxer.OneShot = limits, log.OneShot
	s.negotiating, s.cancelNegotiating = context.WithCancel(context.Background())
	s.serving, s.cancelServing = context.WithCancel(context.Background())
	for _, r := range routes {
		err := s.muxer.AddHandler(r.protocol, func(ctx context.Context, protocol string, stream io.ReadWriteCloser) {
			c := stream.(*connection)
			defer c.Close()
			stderr, end := log.stderr(c, protocol)
			defer end()
			if err := r.target.serve(ctx, protocol, c.Stream, stderr); err != nil {
				log.broken(c, r, err)
			}
		})
		switch {
		case errors.Is(err, multiselect.ErrConflict):
			return nil, exit.Usagef("%s is to be served twice", terminal.QuoteName(r.protocol))
		case err != nil:
			return nil, exit.Usagef("%s: %v", r, err)
		}
	}
	return s, nil
}

// LogStart logs what clients of a listener and readers of the metrics need to know.
func (s *Server) LogStart(ln *transport.Listener, page *MetricsPage) {
	s.log.started(ln.Fingerprint, page)
}

// Accept serves the connections of ln. It returns nil when ln was closed.
func (s *Server) Accept(ln net.Listener) error {
	const shortest, longest = 5 * time.Millisecond, time.Second
	pause := shortest
	for {
		conn, err := ln.Accept()
		var temporary interface{ Temporary() bool }
		switch {
		case err == nil:
			pause = shortest
			s.start(conn.(transport.Stream))
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
			return exit.AsLocal("accepting connections", err)
		}
	}
}

func (s *Server) start(conn transport.Stream) {
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

func (s *Server) forget(c *connection) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
}

// handle is like [multiselect.Muxer.ServeStream] with one context for the
// negotiation and one for the handler: a server that stops ends negotiations
// immediately and lets targets finish.
func (s *Server) handle(c *connection) {
	entry := s.log.open(c)
	protocol, h, err := s.muxer.Negotiate(entry.watch(s.negotiating), c)
	entry.close(protocol, err)
	if err == nil {
		h(s.serving, protocol, c)
	}
}

// StopNegotiating ends the negotiations, and those that begin later.
func (s *Server) StopNegotiating() { s.cancelNegotiating() }

// Drain ends negotiations and waits for the targets to finish, for 2.5 s
// at most. It fails with exit.ErrInterrupted if a signal comes before that.
func (s *Server) Drain(signals <-chan os.Signal) (err error) {
	s.StopNegotiating()
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
		err = &exit.Error{Code: exit.Interrupted, Err: exit.ErrInterrupted}
	}
	s.End()
	// Killed commands and closed connections end their goroutines, but mss must not
	// wait for a process that is stuck in the system.
	select {
	case <-finished:
	case <-time.After(killTime):
	}
	return err
}

// drainTime is the part of the 3 s of a drain in which targets may finish.
const drainTime = 3*time.Second - 2*killTime

// killTime bounds how long drain waits for targets after it has ended them.
const killTime = 250 * time.Millisecond

// End resets all connections, including those that are accepted later.
func (s *Server) End() {
	s.StopNegotiating()
	s.cancelServing()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	for c := range s.conns {
		transport.Reset(c.Stream) // the client must not mistake partial data for the whole
	}
}
