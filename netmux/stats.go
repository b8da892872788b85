package netmux

import (
	"errors"
	"os"
)

// Stats are counters of a [Server]. The first three are of the moment, the others only grow.
// Accepted = HalfOpen + Agreed + Answered + Failed, apart from evicted connections that are still
// being reported: they are counted in Failed afterwards.
type Stats struct {
	HalfOpen int // connections without an agreement
	Active   int // connections in a handler
	Queued   int // connections in the queue of a Listener

	Accepted uint64 // connections that Serve or ServeConn has taken over
	Agreed   uint64 // connections with an agreement, or served with Fallback
	Answered uint64 // connections that ended without one after "ls", or an ACME challenge
	Failed   uint64 // connections that ended without an agreement
	Evicted  uint64 // of Failed: reset in favor of another one, see ErrHalfOpen
	TimedOut uint64 // of Failed: reset because Limits.Timeout expired
	Dropped  uint64 // of Agreed: reset because the queue of a Listener was full
	Panics   uint64 // panics of handlers, hooks, and other code of the program
}

// Stats returns a consistent copy of the counters.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	stats := s.stats
	stats.HalfOpen = s.halfOpen.size
	stats.Active = s.active.size
	return stats
}

// recordError counts the error of a connection.
func (s *Server) recordError(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch _, panicked := errors.AsType[*PanicError](err); {
	case panicked:
		s.stats.Panics++
	case errors.Is(err, ErrBacklog):
		s.stats.Dropped++
	case errors.Is(err, ErrHalfOpen):
		s.stats.Evicted++
	case errors.Is(err, os.ErrDeadlineExceeded):
		s.stats.TimedOut++
	}
}
