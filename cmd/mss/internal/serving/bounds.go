package serving

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
	"unicode"

	"github.com/multiselect/multiselect/netmux"

	"github.com/multiselect/multiselect/cmd/mss/internal/exit"
)

// Bounds are the limits of a Server. The fields with the names of fields of netmux.Server
// have their meaning and defaults: zero is the default, and a negative value is no limit.
type Bounds struct {
	MaxHalfOpen, MaxHalfOpenPerHost int
	MaxActive, MaxActivePerHost     int
	EvictActive                     bool
	FirstByteTimeout                time.Duration
	MaxLinks, MaxLinksPerHost       int
	LinkIdleTimeout                 time.Duration
	// MaxCommands bounds the commands that run at a time. One more is refused. There is no
	// limit by default.
	MaxCommands int
}

func (b *Bounds) apply(s *Server) {
	n := &s.netmux
	n.MaxHalfOpen, n.MaxHalfOpenPerHost = b.MaxHalfOpen, b.MaxHalfOpenPerHost
	n.MaxActive, n.MaxActivePerHost, n.EvictActive = b.MaxActive, b.MaxActivePerHost, b.EvictActive
	n.FirstByteTimeout = b.FirstByteTimeout
	n.MaxLinks, n.MaxLinksPerHost, n.LinkIdleTimeout = b.MaxLinks, b.MaxLinksPerHost, b.LinkIdleTimeout
	if b.MaxCommands > 0 {
		s.commands = make(chan struct{}, b.MaxCommands)
	}
}

func isLimit(err error) bool { return errors.As(err, new(*netmux.LimitError)) }

// exitCode returns the exit code in the document about a negotiation, which mss does not exit
// with. The limits of this side count as its local resources.
func exitCode(err error) int {
	switch {
	case errors.Is(err, netmux.ErrServerClosed):
		return exit.Interrupted
	case isLimit(err) && !errors.Is(err, os.ErrDeadlineExceeded):
		return exit.Local
	}
	return exit.Code(err)
}

// explainLimit describes the end of a connection or link because of a limit, and names the
// flag that sets it.
func explainLimit(e *netmux.LimitError) string {
	did := "evicted"
	if e.Refused {
		did = "refused"
	}
	if errors.Is(e.Err, os.ErrDeadlineExceeded) {
		return "ended because of " + flagOf(e.Limit)
	}
	reason := strings.TrimPrefix(e.Err.Error(), "netmux: ")
	if e.Limit == "descriptors" {
		return fmt.Sprintf("%s: no file descriptor is free: %s", did, reason)
	}
	return fmt.Sprintf("%s: %s, see %s", did, reason, flagOf(e.Limit))
}

// flagOf returns the flag with the name of a field: --max-active for MaxActive.
func flagOf(field string) string {
	var b strings.Builder
	b.WriteByte('-')
	for _, r := range field {
		if unicode.IsUpper(r) {
			b.WriteByte('-')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}
