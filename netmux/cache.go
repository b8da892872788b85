package netmux

import (
	"container/list"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/multiselect/multiselect"
)

// memory is which protocol the peers have agreed on, for a bounded number of them.
type protocolCache struct {
	mu      sync.Mutex
	recent  list.List // of *remembered, the one used last in front
	entries map[cacheKey]*list.Element
}

type cacheKey struct{ network, addr string }

type cacheEntry struct {
	key      cacheKey
	protocol string
	storedAt time.Time
}

func (d *Dialer) usesCache() bool { return !d.NoCache && len(d.Protocols) > 1 }

// recall returns the protocol that a peer is known to agree to, if there is one.
func (d *Dialer) lookup(k cacheKey) string {
	if !d.usesCache() {
		return ""
	}
	m := &d.cache
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.entries[k]
	if e == nil {
		return ""
	}
	r := e.Value.(*cacheEntry)
	ttl := d.cacheTTL()
	if ttl != never && time.Since(r.storedAt) >= ttl || !slices.Contains(d.Protocols, r.protocol) {
		m.remove(e)
		return ""
	}
	m.recent.MoveToFront(e)
	return r.protocol
}

// learn takes note of how a negotiation ended, in which known had been recalled.
func (d *Dialer) store(k cacheKey, known, agreed string, err error) {
	if !d.usesCache() {
		return
	}
	m := &d.cache
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.entries[k]
	switch {
	case err != nil:
		// What another call has learned meanwhile stays.
		if e != nil && e.Value.(*cacheEntry).protocol == known && isFirstRefused(err) {
			m.remove(e)
		}
	case e != nil && e.Value.(*cacheEntry).protocol == agreed:
		m.recent.MoveToFront(e) // as old as it was
	default:
		if e != nil {
			m.remove(e)
		}
		if m.recent.Len() >= d.cacheSize() {
			m.remove(m.recent.Back())
		}
		if m.entries == nil {
			m.entries = make(map[cacheKey]*list.Element)
		}
		m.entries[k] = m.recent.PushFront(&cacheEntry{k, agreed, time.Now()})
	}
}

func (m *protocolCache) remove(e *list.Element) {
	delete(m.entries, m.recent.Remove(e).(*cacheEntry).key)
}

// wasRefused reports whether the first proposal was: all were, or there was a second.
func isFirstRefused(err error) bool {
	e, ok := errors.AsType[*multiselect.Error](err)
	return errors.Is(err, multiselect.ErrNotSupported) || ok && len(e.Protocols) > 1
}
