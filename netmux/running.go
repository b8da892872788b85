package netmux

import (
	"cmp"
	"fmt"
	"net"
	"slices"
	"strings"
)

// ShutdownError is the error of [Server.Shutdown] if its context ends first.
type ShutdownError struct {
	// Running are the connections that Shutdown has waited for, the greatest numbers first.
	Running []Running
	// Err is the error of the context, and wraps its cause if that is another error.
	Err error
}

// Running counts the connections of one protocol from one host.
type Running struct {
	Protocol string
	Host     string // of the remote address, without the port
	Active   int    // in a handler
	Queued   int    // in the queue of a Listener, which no server has accepted
}

// maxListed is the number of elements of Running in the text of a ShutdownError.
const maxListed = 8

// Error names the cause and the first protocols and hosts. Names are quoted.
func (e *ShutdownError) Error() string {
	var b strings.Builder
	total := 0
	for _, r := range e.Running {
		total += r.Active + r.Queued
	}
	fmt.Fprintf(&b, "netmux: %v: %d connections remain", e.Err, total)
	for i, r := range e.Running {
		if i == maxListed {
			fmt.Fprintf(&b, ", and %d more kinds", len(e.Running)-i)
			break
		}
		separator := ", "
		if i == 0 {
			separator = ": "
		}
		fmt.Fprintf(&b, "%s%.80q from %.80q (%d active, %d queued)", separator, r.Protocol, r.Host, r.Active, r.Queued)
	}
	return b.String()
}

// Unwrap returns Err.
func (e *ShutdownError) Unwrap() error { return e.Err }

// running returns the connections that Shutdown waits for.
func (s *Server) running() []Running {
	type conns struct {
		conn     net.Conn
		protocol string
		queued   bool
	}
	var all []conns
	s.mu.Lock()
	for _, e := range s.registry.all(activeStages...) {
		c := e.owner.(*conn)
		all = append(all, conns{c.raw, c.details.protocol, false})
	}
	listeners := s.protocolListeners()
	s.mu.Unlock()
	for _, l := range listeners {
		l.mu.Lock()
		for _, c := range l.queue {
			all = append(all, conns{c, l.protocols[0], true})
		}
		l.mu.Unlock()
	}
	counts := make(map[Running]*Running) // by protocol and host
	for _, c := range all {
		key := Running{Protocol: c.protocol, Host: hostText(c.conn.RemoteAddr())}
		r := counts[key]
		if r == nil {
			r = &Running{Protocol: key.Protocol, Host: key.Host}
			counts[key] = r
		}
		if c.queued {
			r.Queued++
		} else {
			r.Active++
		}
	}
	var sorted []Running
	for _, r := range counts {
		sorted = append(sorted, *r)
	}
	slices.SortFunc(sorted, func(a, b Running) int {
		return cmp.Or(cmp.Compare(b.Active+b.Queued, a.Active+a.Queued), cmp.Compare(a.Protocol, b.Protocol), cmp.Compare(a.Host, b.Host))
	})
	return sorted
}

// hostText returns the text of an address without the port.
func hostText(addr net.Addr) string {
	text := addrText(addr)
	if host, _, err := net.SplitHostPort(text); err == nil {
		return host
	}
	return text
}
