package netmux

import (
	"math"
	"time"

	"github.com/multiselect/multiselect"
)

// limit applies the rule that all limits follow, those of [multiselect.Limits] included:
// zero is the default, a negative value is no limit.
func limit[T int | time.Duration](value, byDefault, none T) T {
	switch {
	case value == 0:
		return byDefault
	case value < 0:
		return none
	}
	return value
}

const (
	unlimited = math.MaxInt      // no limit of a number
	never     = time.Duration(0) // no limit of a time
)

func (s *Server) maxHalfOpen() int        { return limit(s.MaxHalfOpen, 4096, unlimited) }
func (s *Server) maxHalfOpenPerHost() int { return limit(s.MaxHalfOpenPerHost, unlimited, unlimited) }
func (s *Server) maxActive() int          { return limit(s.MaxActive, unlimited, unlimited) }
func (s *Server) maxLinks() int           { return limit(s.MaxLinks, 4096, unlimited) }
func (s *Server) maxLinksPerHost() int    { return limit(s.MaxLinksPerHost, 256, unlimited) }
func (s *Server) backlog() int            { return limit(s.Backlog, 1024, unlimited) }

// maxActivePerHost is half of MaxActive by default, so that no host can use all of it.
func (s *Server) maxActivePerHost() int {
	byDefault := unlimited
	if total := s.maxActive(); total < unlimited {
		byDefault = (total + 1) / 2
	}
	return limit(s.MaxActivePerHost, byDefault, unlimited)
}

func (s *Server) firstByteTimeout() time.Duration { return limit(s.FirstByteTimeout, never, never) }
func (s *Server) linkIdleTimeout() time.Duration  { return limit(s.LinkIdleTimeout, never, never) }

func (s *Server) fallbackAfter() time.Duration { return limit(s.FallbackAfter, never, never) }

func (d *Dialer) cacheSize() int          { return limit(d.CacheSize, 1024, unlimited) }
func (d *Dialer) cacheTTL() time.Duration { return limit(d.CacheTTL, time.Hour, never) }

// timeout returns the time limit of a negotiation (R24), with the default that
// [multiselect.Limits] documents.
func timeout(l *multiselect.Limits) time.Duration {
	return limit(l.Timeout, 10*time.Second, never)
}
