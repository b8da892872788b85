package netmux

import (
	"net"
	"net/netip"
	"os"
	"time"
)

// This file tracks the half-open connections, the oldest first: all of them, and those of
// each host. It evicts them because of a limit, and when their time limit expires (R24).

// link is the place of a connection in a ring. A connection has one for each kind of ring.
type link struct{ next, prev *conn }

const (
	byAge  = 0 // kind of Server.halfOpen and Server.active
	byHost = 1 // kind of host.conns
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

// host counts the half-open connections of one IPv4 address or IPv6 network.
type host struct {
	key   string
	conns ring
}

// hostKey returns the IPv4 address of addr, or the first 64 bits of its IPv6 address, as
// text. It reports whether addr has an IP address.
func hostKey(addr net.Addr) (key string, ok bool) {
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

// track starts to count a connection as half-open. It returns the connections that were
// evicted for it, which the caller resets, or nil for c if the server has been stopped.
func (s *Server) track(raw net.Conn) (c *conn, evicted *conn) {
	var key string
	var counted bool
	if s.maxHalfOpenPerHost() < unlimited {
		// Before locking: that of a PROXY protocol listener waits for the peer's header.
		key, counted = hostKey(raw.RemoteAddr())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping {
		return nil, nil
	}
	if s.epoch.IsZero() {
		s.epoch = time.Now()
	}
	s.addBusy(1)
	s.stats.Accepted++
	c = &conn{server: s, raw: raw, acceptedAt: time.Since(s.epoch)}
	if counted {
		c.host = s.findHost(key)
		if c.host.conns.size >= s.maxHalfOpenPerHost() {
			evicted = s.evict(c.host.conns.first, ErrHalfOpen, evicted)
		}
		s.hosts[key] = c.host // the eviction may have deleted it
		c.host.conns.push(c, byHost)
	}
	if s.halfOpen.size >= s.maxHalfOpen() {
		evicted = s.evict(s.halfOpen.first, ErrHalfOpen, evicted)
	}
	s.halfOpen.push(c, byAge)
	if t := timeout(&s.Muxer.Limits); t != never && s.halfOpen.size == 1 {
		s.setExpiryTimer(t)
	}
	return c, evicted
}

// findHost returns the host with the key, or a new one that is not in s.hosts yet.
func (s *Server) findHost(key string) *host {
	if h := s.hosts[key]; h != nil {
		return h
	}
	if s.hosts == nil {
		s.hosts = make(map[string]*host)
	}
	return &host{key: key}
}

// evict removes a half-open connection from its rings because of cause, and returns it as
// the head of a list of evicted connections, linked by age. The caller passes the list to
// resetAll after unlocking.
func (s *Server) evict(c *conn, cause error, evicted *conn) *conn {
	s.untrack(c)
	c.cause = cause
	c.links[byAge].next = evicted
	return c
}

// untrack removes a connection from its rings. It does nothing after an eviction, which has
// done so.
func (s *Server) untrack(c *conn) {
	switch {
	case c.cause != nil:
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

// resetAll resets evicted connections. It is called without the lock, because a connection
// that another package has made may block.
func (s *Server) resetAll(evicted *conn) {
	for c := evicted; c != nil; {
		next := c.links[byAge].next
		resetConn(c.raw)
		c = next
	}
}

// evictOldest frees the resources of one half-open connection, a descriptor for example.
func (s *Server) evictOldest() {
	s.mu.Lock()
	var evicted *conn
	if s.halfOpen.first != nil {
		evicted = s.evict(s.halfOpen.first, ErrHalfOpen, nil)
	}
	s.mu.Unlock()
	s.resetAll(evicted)
}

// setExpiryTimer makes evictExpired run after d. The timer is not stopped when the last
// half-open connection agrees on a protocol: evictExpired then finds none.
func (s *Server) setExpiryTimer(d time.Duration) {
	if s.expiryTimer == nil {
		s.expiryTimer = time.AfterFunc(d, s.evictExpired)
		return
	}
	s.expiryTimer.Reset(d)
}

// evictExpired evicts the connections whose time limit has expired (R24). All have the same
// limit, so that the oldest expires first.
func (s *Server) evictExpired() {
	s.mu.Lock()
	var evicted *conn
	t, now := timeout(&s.Muxer.Limits), time.Since(s.epoch)
	for c := s.halfOpen.first; c != nil && c.acceptedAt+t <= now; c = s.halfOpen.first {
		evicted = s.evict(c, os.ErrDeadlineExceeded, evicted)
	}
	if c := s.halfOpen.first; c != nil {
		s.setExpiryTimer(c.acceptedAt + t - now)
	}
	s.mu.Unlock()
	s.resetAll(evicted)
}
