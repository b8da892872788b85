package netmux

import (
	"errors"
	"os"
)

// Stats are counters of a [Server]. The first four are of the moment, the others only grow.
// Streams of links count like connections. Accepted = HalfOpen + Agreed + Answered + Failed,
// apart from evicted connections that are still being reported: they are counted in Failed
// afterwards.
type Stats struct {
	HalfOpen int // connections without an agreement
	Active   int // connections in a handler
	Queued   int // connections in the queue of a Listener
	Links    int // links that are served

	Accepted uint64 // connections that Serve, ServeConn or ServeLinks has taken over, and streams
	Agreed   uint64 // connections with an agreement, served with Fallback, or made a link
	Answered uint64 // connections that ended without one after "ls", or an ACME challenge
	Failed   uint64 // connections that ended without an agreement, or were refused after it
	Evicted  uint64 // of Failed: reset in favor of another one, see ErrHalfOpen
	TimedOut uint64 // of Failed: reset because Limits.Timeout expired
	Refused  uint64 // of Failed: refused because of MaxActive or MaxActivePerHost
	Dropped  uint64 // of Agreed: reset because the queue of a Listener was full
	Leaked   uint64 // of Agreed: sockets that were never closed, found by the garbage collector
	Panics   uint64 // panics of handlers, hooks, and other code of the program

	ActiveEvicted  uint64 // of Agreed: reset in favor of another one, see ErrActive
	ActiveTimedOut uint64 // of Agreed: reset because FirstByteTimeout expired

	LinksAccepted uint64 // links that ServeLink or ServeLinks has taken over
	LinksRefused  uint64 // of LinksAccepted: refused because of MaxLinks or MaxLinksPerHost
	LinksEvicted  uint64 // of LinksAccepted: ended in favor of another one, see ErrLinks
	LinksTimedOut uint64 // of LinksAccepted: ended because LinkIdleTimeout expired
}

// Stats returns a consistent copy of the counters.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	stats := s.stats
	stats.HalfOpen = s.registry.size(stageHalfOpen)
	stats.Active = s.registry.size(activeStages...)
	stats.Links = s.registry.size(linkStages...)
	return stats
}

// recordError counts the error of a connection or link.
func (s *Server) recordError(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if counter := s.counterOf(err); counter != nil {
		*counter++
	}
}

// counterOf returns the counter of an error, or nil if there is none.
func (s *Server) counterOf(err error) *uint64 {
	limited, isLimited := errors.AsType[*LimitError](err)
	switch {
	case panicOf(err) != nil:
		return &s.stats.Panics
	case isLimited:
		switch {
		case limited.Limit == "FirstByteTimeout":
			return &s.stats.ActiveTimedOut
		case limited.Limit == "LinkIdleTimeout":
			return &s.stats.LinksTimedOut
		case limited.Err == ErrHalfOpen:
			return &s.stats.Evicted
		case limited.Err == ErrActive && limited.Refused:
			return &s.stats.Refused
		case limited.Err == ErrActive:
			return &s.stats.ActiveEvicted
		case limited.Refused:
			return &s.stats.LinksRefused
		default:
			return &s.stats.LinksEvicted
		}
	case errors.Is(err, ErrBacklog):
		return &s.stats.Dropped
	case errors.Is(err, os.ErrDeadlineExceeded):
		return &s.stats.TimedOut
	}
	return nil
}
