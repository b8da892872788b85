package serving

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"sync/atomic"
	"time"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/netmux"

	"github.com/multiselect/multiselect/cmd/mss/internal/address"
	"github.com/multiselect/multiselect/cmd/mss/internal/exit"
	"github.com/multiselect/multiselect/cmd/mss/internal/terminal"
	"github.com/multiselect/multiselect/cmd/mss/internal/transport"
)

// Server is the responder: a netmux.Server whose handlers are the targets.
type Server struct {
	netmux   netmux.Server
	log      *Log
	commands chan struct{} // one element for each command that runs; nil for no limit
	accepted atomic.Int64

	commandsRefused atomic.Uint64
}

// Config is the configuration of a Server. All fields but Log are optional.
type Config struct {
	Routes   []Route
	Fallback string             // a protocol of Routes, for clients that do not negotiate
	Limits   multiselect.Limits // of each negotiation
	Bounds   Bounds
	OneShot  bool // end a connection after the first refusal
	Log      *Log
}

// New returns a server. It returns a usage error for names that cannot be served.
func New(c Config) (*Server, error) {
	s := &Server{log: c.Log}
	s.log.oneShot = c.OneShot
	s.netmux.Muxer.Limits, s.netmux.Muxer.OneShot = c.Limits, c.OneShot
	s.netmux.Fallback = c.Fallback
	s.netmux.ConnContext, s.netmux.ConnState, s.netmux.ConnError = s.connContext, s.connState, s.connError
	s.netmux.Logger = slog.New(logHandler{s.log})
	c.Bounds.apply(s)
	for _, r := range c.Routes {
		err := s.netmux.Muxer.AddHandler(r.protocol, func(ctx context.Context, protocol string, stream io.ReadWriteCloser) {
			s.serve(ctx, r, protocol, stream)
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

// Listen listens on an address of any form.
func (s *Server) Listen(a address.Address, c *transport.Certificates) (*transport.Listener, error) {
	return transport.Listen(a, transport.ListenConfig{Certificates: c, Host: below{s}})
}

// LogStart logs what clients of a listener and readers of the metrics need to know.
func (s *Server) LogStart(ln *transport.Listener, page *MetricsPage) {
	s.log.started(ln.Fingerprint, page)
}

// Serve serves the connections of ln. It returns nil after Drain or End.
func (s *Server) Serve(ln *transport.Listener) error {
	own := *ln
	own.Listener = listener{ln.Listener, s, ln.Upgrade != nil}
	if upgrade := ln.Upgrade; upgrade != nil {
		own.Upgrade = func(ctx context.Context, carrier net.Conn) (netmux.Link, error) {
			l, err := upgrade(ctx, carrier.(*connection).Stream)
			if err != nil {
				return nil, err
			}
			return link{l, s}, nil
		}
	}
	err := own.Serve(&s.netmux)
	if errors.Is(err, netmux.ErrServerClosed) {
		return nil
	}
	return exit.AsLocal("accepting connections", err)
}

// connContext is the hook of netmux before a negotiation.
func (s *Server) connContext(ctx context.Context, conn net.Conn) context.Context {
	c := conn.(*connection)
	ctx = context.WithValue(ctx, connectionKey{}, c)
	if c.carrier {
		return ctx
	}
	c.entry = s.log.open(c, "")
	if s.log.Stdio == nil {
		return ctx
	}
	return c.entry.watch(multiselect.WithTrace(ctx, &multiselect.Trace{Done: func(o multiselect.Outcome) {
		if errors.Is(o.Err, multiselect.ErrListed) { // which is no failure for connError
			c.entry.close("", o.Err)
		}
	}}))
}

// connState is the hook of netmux for the stages of a connection.
func (s *Server) connState(conn net.Conn, state netmux.ConnState) {
	if state == netmux.StateActive {
		conn.(*connection).active.Store(true)
	}
}

// connError is the hook of netmux for failures. Those after an agreement are logged by the
// handler, and panics by netmux.
func (s *Server) connError(conn net.Conn, err error) {
	c := conn.(*connection)
	_, negotiated := errors.AsType[*multiselect.Error](err)
	switch {
	case c.carrier && !(negotiated && c.entry != nil):
		s.log.linkFailed(c, err)
	case c.carrier || !c.active.Load():
		c.entry.close("", err)
	}
}

// serve is the handler of a route.
func (s *Server) serve(ctx context.Context, r Route, protocol string, stream io.ReadWriteCloser) {
	defer stream.Close()
	c := connectionOf(ctx)
	c.entry.close(protocol, nil)
	var conn transport.Stream = c
	_, negotiated := stream.(*connection)
	if !negotiated {
		conn = replayed{c, stream}
	}
	begin := c.traffic(!negotiated)
	err := s.run(ctx, r, protocol, conn)
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	s.log.ended(c, r, begin, err)
}

// run serves a stream with the target of a route.
func (s *Server) run(ctx context.Context, r Route, protocol string, conn transport.Stream) error {
	if r.target.kind == "exec" && s.commands != nil {
		select {
		case s.commands <- struct{}{}:
			defer func() { <-s.commands }()
		default:
			s.commandsRefused.Add(1)
			breakOff(ctx, conn)
			return errCommands
		}
	}
	stderr, end := s.log.stderr(connectionOf(ctx), protocol)
	defer end()
	return r.target.serve(ctx, protocol, conn, stderr)
}

// errCommands is the error of a stream whose command would be one too many.
var errCommands = errors.New("refused: too many commands run, see --max-commands")

// Drain ends negotiations and waits for the targets to finish, for drainTime at most. It
// fails with exit.ErrInterrupted if a signal comes before that.
func (s *Server) Drain(signals <-chan os.Signal) error {
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	expire := time.AfterFunc(drainTime, func() { cancel(context.DeadlineExceeded) })
	defer expire.Stop()
	go func() {
		select {
		case <-signals:
			cancel(&exit.Error{Code: exit.Interrupted, Err: exit.ErrInterrupted})
		case <-ctx.Done():
		}
	}()
	unfinished, ok := errors.AsType[*netmux.ShutdownError](s.netmux.Shutdown(ctx))
	if ok {
		s.log.cutOff(unfinished.Running)
		s.End()
	}
	s.log.close()
	if failed, ok := errors.AsType[*exit.Error](context.Cause(ctx)); ok {
		return failed
	}
	return nil
}

// drainTime is the part of the 3 s of a drain in which targets may finish.
const drainTime = 3*time.Second - 2*killTime

// killTime bounds how long End waits for targets after it has ended them.
const killTime = 250 * time.Millisecond

// End resets all connections. Killed commands and closed connections end their goroutines;
// End does not wait for a process that is stuck in the system.
func (s *Server) End() {
	s.netmux.Close()
	ctx, cancel := context.WithTimeout(context.Background(), killTime)
	defer cancel()
	s.netmux.Shutdown(ctx)
}
