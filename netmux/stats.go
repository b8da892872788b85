package netmux

import (
	"errors"
	"os"
)

// Stats is what a [Server] has counted. Accepted = HalfOpen + Agreed + Failed,
// but for what is just ending.
type Stats struct {
	HalfOpen int // now: nothing agreed on
	Active   int // now: in a handler
	Queued   int // now: agreed on, and waiting for an Accept

	Accepted uint64 // connections in all
	Agreed   uint64 // those on which a protocol was agreed, or that went to the fallback
	Failed   uint64 // those that ended before
	Evicted  uint64 // of Failed: because of a limit on half-open connections
	TimedOut uint64 // of Failed: when the budget was over
	Dropped  uint64 // of Agreed: reset because nobody had accepted them in time
	Panics   uint64
}

// Stats returns what was counted up to now.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	stats := s.stats
	stats.HalfOpen = s.halfOpen.size
	stats.Active = s.active.size
	return stats
}

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
