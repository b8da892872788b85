package netmux

import (
	"container/list"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/multiselect/multiselect"
)

// protocolCache holds the protocols that were agreed on with peers. A Dialer's limits bound it.
type protocolCache struct {
	mu      sync.Mutex
	recent  list.List // of *cacheEntry, the one used last at the front
	entries map[cacheKey]*list.Element
}

// cacheKey is a peer, as the caller of a Dialer names it.
type cacheKey struct{ network, addr string }

type cacheEntry struct {
	key      cacheKey
	protocol string
	storedAt time.Time
}

func (d *Dialer) usesCache() bool { return !d.NoCache && len(d.Protocols) > 1 }

// lookup returns the protocol that was agreed on with a peer, or "" if the cache has none.
func (d *Dialer) lookup(k cacheKey) string {
	if !d.usesCache() {
		return ""
	}
	c := &d.cache
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.entries[k]
	if e == nil {
		return ""
	}
	entry := e.Value.(*cacheEntry)
	ttl := d.cacheTTL()
	if ttl != never && time.Since(entry.storedAt) >= ttl || !slices.Contains(d.Protocols, entry.protocol) {
		c.remove(e)
		return ""
	}
	c.recent.MoveToFront(e)
	return entry.protocol
}

// store updates the cache after a negotiation with a peer that began with the protocol known.
// It ended with the agreement on agreed, or with err. A refusal of known removes the entry; an
// agreement adds or replaces it; other errors leave it, since they do not tell about known.
func (d *Dialer) store(k cacheKey, known, agreed string, err error) {
	if !d.usesCache() {
		return
	}
	c := &d.cache
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.entries[k]
	switch {
	case err != nil:
		// A concurrent call may have stored another protocol, which was not refused.
		if e != nil && e.Value.(*cacheEntry).protocol == known && isFirstRefused(err) {
			c.remove(e)
		}
	case e != nil && e.Value.(*cacheEntry).protocol == agreed:
		c.recent.MoveToFront(e) // and keeps storedAt, so that it expires
	default:
		if e != nil {
			c.remove(e)
		}
		if c.recent.Len() >= d.cacheSize() {
			c.remove(c.recent.Back())
		}
		if c.entries == nil {
			c.entries = make(map[cacheKey]*list.Element)
		}
		c.entries[k] = c.recent.PushFront(&cacheEntry{k, agreed, time.Now()})
	}
}

func (c *protocolCache) remove(e *list.Element) {
	delete(c.entries, c.recent.Remove(e).(*cacheEntry).key)
}

// isFirstRefused reports whether the peer has refused the first proposal: it has refused all,
// or a second one was made.
func isFirstRefused(err error) bool {
	e, ok := errors.AsType[*multiselect.Error](err)
	return errors.Is(err, multiselect.ErrNotSupported) || ok && len(e.Protocols) > 1
}
