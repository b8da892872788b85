package netmux

import (
	"net"
	"net/netip"
	"os"
	"time"
)

// This file keeps the half-open connections: the oldest first, all of them and
// those of each host, and a timer for the oldest one's budget.

// link is the place of a connection in a ring. There are two kinds of rings.
type link struct{ next, prev *conn }

const (
	byAge  = 0 // of the server: half-open or active
	byHost = 1
)

// ring is a list of connections, the oldest first.
type ring struct {
	first, last *conn
	size        int
}

func (r *ring) push(c *conn, kind int) {
	c.links[kind] = link{prev: r.last}
	if r.last == nil {
		r.first = c
	} else {
		r.last.links[kind].next = c
	}
	r.last = c
	r.size++
}

func (r *ring) remove(c *conn, kind int) {
	l := c.links[kind]
	if l.prev == nil {
		r.first = l.next
	} else {
		l.prev.links[kind].next = l.next
	}
	if l.next == nil {
		r.last = l.prev
	} else {
		l.next.links[kind].prev = l.prev
	}
	c.links[kind] = link{}
	r.size--
}

// host is a remote address with half-open connections.
type host struct {
	key   string
	conns ring
}

// hostOf returns what connections of one address have in common.
func hostKey(addr net.Addr) (name string, ok bool) {
	a, ok := addr.(interface{ AddrPort() netip.AddrPort })
	if !ok {
		return "", false
	}
	ip := a.AddrPort().Addr().Unmap()
	bits := 32
	if ip.Is6() {
		bits = 64
	}
	prefix, err := ip.WithZone("").Prefix(bits)
	return prefix.String(), ip.IsValid() && err == nil
}

// admit begins to count a connection as half-open. It returns those that are to
// be cut for it, and nil for the connection if the server does not serve any more.
func (s *Server) track(raw net.Conn) (c *conn, evicted *conn) {
	var name string
	var counted bool
	if s.maxHalfOpenPerHost() < unlimited { // without the lock: some RemoteAddr wait for a PROXY header
		name, counted = hostKey(raw.RemoteAddr())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping {
		return nil, nil
	}
	if s.epoch.IsZero() {
		s.epoch = time.Now()
	}
	s.busy++
	s.stats.Accepted++
	c = &conn{server: s, raw: raw, acceptedAt: time.Since(s.epoch)}
	if counted {
		c.host = s.findHost(name)
		if c.host.conns.size >= s.maxHalfOpenPerHost() {
			evicted = s.evict(c.host.conns.first, ErrHalfOpen, evicted)
		}
		s.hosts[name] = c.host // it may have been the last one
		c.host.conns.push(c, byHost)
	}
	if s.halfOpen.size >= s.maxHalfOpen() {
		evicted = s.evict(s.halfOpen.first, ErrHalfOpen, evicted)
	}
	s.halfOpen.push(c, byAge)
	if budget := timeout(&s.Muxer.Limits); budget > 0 && s.halfOpen.size == 1 {
		s.setExpiryTimer(budget)
	}
	return c, evicted
}

func (s *Server) findHost(name string) *host {
	if h := s.hosts[name]; h != nil {
		return h
	}
	if s.hosts == nil {
		s.hosts = make(map[string]*host)
	}
	return &host{key: name}
}

// condemn takes a half-open connection out of the rings and puts it in front of
// the list of those that are to be cut, which the caller does without the lock.
func (s *Server) evict(c *conn, cause error, evicted *conn) *conn {
	s.untrack(c)
	c.cause = cause
	c.links[byAge].next = evicted
	return c
}

// remove takes a connection out of the rings that it is in.
func (s *Server) untrack(c *conn) {
	switch {
	case c.cause != nil: // it was condemned, which was the same
		return
	case c.cancel != nil:
		s.active.remove(c, byAge)
	default:
		s.halfOpen.remove(c, byAge)
	}
	if h := c.host; h != nil {
		h.conns.remove(c, byHost)
		if h.conns.size == 0 {
			delete(s.hosts, h.key)
		}
		c.host = nil
	}
}

// cutAll ends what was condemned.
func (s *Server) resetAll(evicted *conn) {
	for c := evicted; c != nil; {
		next := c.links[byAge].next
		resetConn(c.raw)
		c = next
	}
}

// cutOldest makes room where something else than a limit is short.
func (s *Server) evictOldest() {
	s.mu.Lock()
	var evicted *conn
	if s.halfOpen.first != nil {
		evicted = s.evict(s.halfOpen.first, ErrHalfOpen, nil)
	}
	s.mu.Unlock()
	s.resetAll(evicted)
}

// wakeIn sets the timer. It is not stopped when there is nothing left to do, and
// finds nothing then.
func (s *Server) setExpiryTimer(d time.Duration) {
	if s.expiryTimer == nil {
		s.expiryTimer = time.AfterFunc(d, s.evictExpired)
		return
	}
	s.expiryTimer.Reset(d)
}

// expire cuts those whose budget is over. It is the same for all, so the oldest is
// the first.
func (s *Server) evictExpired() {
	s.mu.Lock()
	var evicted *conn
	budget, now := timeout(&s.Muxer.Limits), time.Since(s.epoch)
	for first := s.halfOpen.first; first != nil && first.acceptedAt+budget <= now; first = s.halfOpen.first {
		evicted = s.evict(first, os.ErrDeadlineExceeded, evicted)
	}
	if s.halfOpen.first != nil {
		s.setExpiryTimer(s.halfOpen.first.acceptedAt + budget - now)
	}
	s.mu.Unlock()
	s.resetAll(evicted)
}
