package netmux

import (
	"errors"
	"fmt"
	"math"
	"net"
	"os"
	"time"
)

// This file applies the limits of a Server: it records connections, streams and links in the
// registry, and ends or refuses some of them where a limit demands it.

var (
	// ErrHalfOpen is the cause that ConnError receives for a half-open connection that
	// was evicted: reset in favor of another one.
	ErrHalfOpen = errors.New("netmux: too many half-open connections")
	// ErrActive is the cause that ConnError receives for a connection that was evicted
	// after its agreement, or refused, because too many are active.
	ErrActive = errors.New("netmux: too many active connections")
	// ErrLinks is the cause that ConnError receives for a [Link] that was evicted or
	// refused because too many are open.
	ErrLinks = errors.New("netmux: too many links")
)

// LimitError is the error of a connection, stream or [Link] that a [Server] has ended or
// refused because of one of its limits. For a half-open connection it is the cause within a
// [*multiselect.Error].
type LimitError struct {
	// Limit is the name of the limit, a field of Server, such as "MaxActive". If the
	// process has run out of file descriptors, it is "descriptors".
	Limit string
	// Refused reports that it was the newcomer that was refused, because the limit allows
	// none of the others to be ended for it.
	Refused bool
	// Err is [ErrHalfOpen], [ErrActive] or [ErrLinks], and [os.ErrDeadlineExceeded] for a
	// limit of time.
	Err error
}

// Error names the limit and the cause.
func (e *LimitError) Error() string {
	did := "ended"
	if e.Refused {
		did = "refused"
	}
	return fmt.Sprintf("netmux: %s because of %s: %v", did, e.Limit, e.Err)
}

// Unwrap returns Err.
func (e *LimitError) Unwrap() error { return e.Err }

// keyOf returns the key of the host with an address.
func (s *Server) keyOf(remote net.Addr) string {
	if s.HostKey != nil {
		return s.HostKey(remote)
	}
	return hostKey(remote)
}

// evict removes an entry because of cause. The caller passes it to endAll after unlocking.
func (s *Server) evict(e *entry, cause error) *entry {
	s.registry.remove(e)
	e.cause = &cause
	return e
}

// endAll ends entries that were evicted. It is called without the lock.
func endAll(evicted []*entry) {
	for _, e := range evicted {
		e.owner.end()
	}
}

// track records a new half-open connection, or a stream of a link. It evicts the oldest one
// if there are too many, and returns nil if the server has been stopped or the link has ended.
func (s *Server) track(raw net.Conn, on *linkConn) *conn {
	s.mu.Lock()
	if s.stopping || on != nil && on.stage == stages {
		s.mu.Unlock()
		return nil
	}
	c := &conn{server: s, raw: raw}
	c.entry = newEntry(c)
	if on != nil {
		c.details = &details{on: on}
	}
	s.addBusy(1)
	s.stats.Accepted++
	var evicted *entry
	if s.registry.size(stageHalfOpen) >= s.maxHalfOpen() {
		evicted = s.evict(s.registry.oldest(stageHalfOpen), &LimitError{Limit: "MaxHalfOpen", Err: ErrHalfOpen})
	}
	s.registry.add(&c.entry, stageHalfOpen)
	s.armExpiry(&c.entry)
	s.mu.Unlock()
	if evicted != nil {
		evicted.owner.end()
	}
	return c
}

// limitHost applies MaxHalfOpenPerHost to a half-open connection. It runs in the goroutine of
// the connection, because it may block.
func (s *Server) limitHost(c *conn) {
	limit := s.maxHalfOpenPerHost()
	if limit >= unlimited {
		return
	}
	key := c.hostKey()
	if key == "" {
		return
	}
	s.mu.Lock()
	var evicted []*entry
	if c.stage == stageHalfOpen {
		s.registry.setHost(&c.entry, key, new(atHost))
		if s.registry.sizeOf(key, stageHalfOpen) > limit {
			oldest := s.registry.oldestOf(key, stageHalfOpen)
			evicted = append(evicted, s.evict(oldest, &LimitError{Limit: "MaxHalfOpenPerHost", Err: ErrHalfOpen}))
		}
	}
	s.mu.Unlock()
	endAll(evicted)
}

// bound is a limit on the number of entries, in total and of each host. The stages end in
// this order; those in the last of them, which carry data, only with Server.EvictActive.
type bound struct {
	name           string
	total, perHost int
	stages         []stage
	err            error
}

var (
	activeStages = []stage{stageSilent, stageCarrying}
	linkStages   = []stage{stageIdleLink, stageSilentLink, stageUsedLink}
)

func (s *Server) activeBound() bound {
	return bound{"MaxActive", s.maxActive(), s.maxActivePerHost(), activeStages, ErrActive}
}

func (s *Server) linkBound() bound {
	return bound{"MaxLinks", s.maxLinks(), s.maxLinksPerHost(), linkStages, ErrLinks}
}

// makeRoom evicts entries so that one more of a host is within b, or fails with a
// [*LimitError] if that one must be refused.
func (s *Server) makeRoom(key string, b bound) (evicted []*entry, err error) {
	r := &s.registry
	if key != "" && r.sizeOf(key, b.stages...) >= b.perHost {
		e := s.first(b, func(st stage) int { return r.sizeOf(key, st) }, func(st stage) *entry { return r.oldestOf(key, st) })
		if e == nil {
			return nil, &LimitError{b.name + "PerHost", true, b.err}
		}
		evicted = append(evicted, s.evict(e, &LimitError{b.name + "PerHost", false, b.err}))
	}
	if r.size(b.stages...) >= b.total {
		e := s.first(b, func(st stage) int { return r.size(st) }, r.oldestOfMostDemanding)
		if e == nil {
			return evicted, &LimitError{b.name, true, b.err}
		}
		evicted = append(evicted, s.evict(e, &LimitError{b.name, false, b.err}))
	}
	return evicted, nil
}

// first returns the entry that must end first, of those that oldest returns for each stage of
// b, or nil if all carry data and the owner has not chosen to end these. It belongs to the stage
// with the most entries: a new link, which has no stream yet, is not ended while many others have
// silent streams.
func (s *Server) first(b bound, size func(stage) int, oldest func(stage) *entry) *entry {
	last := len(b.stages) - 1
	for {
		most := b.stages[0]
		for _, st := range b.stages[1:last] {
			if size(st) > size(most) {
				most = st
			}
		}
		if size(most) == 0 {
			break
		}
		if e := oldest(most); e.owner.checkSilent() {
			return e
		}
	}
	if s.EvictActive {
		return oldest(b.stages[last])
	}
	return nil
}

// minGiveWay is the least number of descriptors that giveWay makes free at a time.
const minGiveWay = 8

// giveWay ends connections and links after Accept has failed for want of a descriptor: an
// eighth of those that may end, so that the next calls of Accept succeed. It reports whether
// there were any.
func (s *Server) giveWay() bool {
	s.mu.Lock()
	var evicted []*entry
	for n := minGiveWay; len(evicted) < n; {
		e, rest := s.firstToGiveWay(givingWay)
		if e == nil && s.EvictActive {
			e, rest = s.firstToGiveWay(carryingData)
		}
		if e == nil {
			break
		}
		n = max(n, rest/8)
		evicted = append(evicted, s.evict(e, &LimitError{Limit: "descriptors", Err: stageErrors[e.stage]}))
	}
	s.mu.Unlock()
	endAll(evicted)
	return len(evicted) > 0
}

var (
	givingWay    = []stage{stageHalfOpen, stageSilent, stageIdleLink, stageSilentLink}
	carryingData = []stage{stageCarrying, stageUsedLink}
	stageErrors  = [stages]error{ErrHalfOpen, ErrActive, ErrActive, ErrLinks, ErrLinks, ErrLinks}
)

// grown is the age from which a stage tells about a peer. Before it, the connection may be one
// of a burst whose goroutines have not run since.
const grown = 10 * time.Millisecond

// firstToGiveWay returns the entry that ends first of those in some stages that have a
// descriptor, and the number of these. It belongs to the stage with the most descriptors: a
// few half-open connections are not ended while many silent ones stay, and the other way round.
// Stages whose entries are all young come last.
func (s *Server) firstToGiveWay(in []stage) (first *entry, rest int) {
	for {
		most := 0
		first, rest = nil, 0
		for _, st := range in {
			n := s.registry.groups[st].descriptors
			if n == 0 {
				continue
			}
			e := s.registry.firstWithDescriptor(st)
			rest += n
			if s.registry.now()-e.since < grown {
				n -= math.MaxInt32
			}
			if first == nil || n > most {
				first, most = e, n
			}
		}
		if first == nil || first.stage == stageCarrying || first.stage == stageUsedLink || first.owner.checkSilent() {
			return first, rest
		}
	}
}

// timeLimit returns the time that an entry may spend in a stage, or never, and its name.
func (s *Server) timeLimit(st stage) (limit time.Duration, name string) {
	switch st {
	case stageHalfOpen:
		return timeout(&s.Muxer.Limits), ""
	case stageSilent:
		return s.firstByteTimeout(), "FirstByteTimeout"
	case stageIdleLink:
		return s.linkIdleTimeout(), "LinkIdleTimeout"
	}
	return never, ""
}

// armExpiry makes evictExpired run when the time limit of an entry expires. It is called with
// the lock held, whenever a stage has begun. The timer is not stopped when the stage ends:
// evictExpired then finds nothing.
func (s *Server) armExpiry(e *entry) {
	if limit, _ := s.timeLimit(e.stage); limit != never {
		s.setExpiry(e.since + limit)
	}
}

func (s *Server) setExpiry(at time.Duration) {
	if s.expiry != 0 && s.expiry <= at {
		return
	}
	s.expiry = at
	after := at - s.registry.now()
	if s.expiryTimer == nil {
		s.expiryTimer = time.AfterFunc(after, s.evictExpired)
		return
	}
	s.expiryTimer.Reset(after)
}

// evictExpired evicts the entries whose time limit has expired (R24). All in a stage have the
// same limit, so that the oldest expires first.
func (s *Server) evictExpired() {
	s.mu.Lock()
	var evicted []*entry
	s.expiry = 0
	now := s.registry.now()
	for st := range stages {
		limit, name := s.timeLimit(st)
		if limit == never {
			continue
		}
		var cause error = os.ErrDeadlineExceeded
		if name != "" {
			cause = &LimitError{Limit: name, Err: os.ErrDeadlineExceeded}
		}
		e := s.registry.oldest(st)
		for ; e != nil && e.since+limit <= now; e = s.registry.oldest(st) {
			if e.owner.checkSilent() {
				evicted = append(evicted, s.evict(e, cause))
			}
		}
		if e != nil {
			s.setExpiry(e.since + limit)
		}
	}
	s.mu.Unlock()
	endAll(evicted)
}
