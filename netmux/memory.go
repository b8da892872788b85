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
type memory struct {
	mu     sync.Mutex
	byUse  list.List // of *remembered, the one used last in front
	byPeer map[key]*list.Element
}

type key struct{ network, addr string }

type remembered struct {
	key      key
	protocol string
	since    time.Time
}

func (d *Dialer) remembers() bool { return !d.NoCache && len(d.Protocols) > 1 }

// recall returns the protocol that a peer is known to agree to, if there is one.
func (d *Dialer) recall(k key) string {
	if !d.remembers() {
		return ""
	}
	m := &d.memory
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.byPeer[k]
	if e == nil {
		return ""
	}
	r := e.Value.(*remembered)
	ttl := d.cacheTTL()
	if ttl != never && time.Since(r.since) >= ttl || !slices.Contains(d.Protocols, r.protocol) {
		m.forget(e)
		return ""
	}
	m.byUse.MoveToFront(e)
	return r.protocol
}

// learn takes note of how a negotiation ended, in which known had been recalled.
func (d *Dialer) learn(k key, known, agreed string, err error) {
	if !d.remembers() {
		return
	}
	m := &d.memory
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.byPeer[k]
	switch {
	case err != nil:
		// What another call has learned meanwhile stays.
		if e != nil && e.Value.(*remembered).protocol == known && wasRefused(err) {
			m.forget(e)
		}
	case e != nil && e.Value.(*remembered).protocol == agreed:
		m.byUse.MoveToFront(e) // as old as it was
	default:
		if e != nil {
			m.forget(e)
		}
		if m.byUse.Len() >= d.cacheSize() {
			m.forget(m.byUse.Back())
		}
		if m.byPeer == nil {
			m.byPeer = make(map[key]*list.Element)
		}
		m.byPeer[k] = m.byUse.PushFront(&remembered{k, agreed, time.Now()})
	}
}

func (m *memory) forget(e *list.Element) {
	delete(m.byPeer, m.byUse.Remove(e).(*remembered).key)
}

// wasRefused reports whether the first proposal was: all were, or there was a second.
func wasRefused(err error) bool {
	e, ok := errors.AsType[*multiselect.Error](err)
	return errors.Is(err, multiselect.ErrNotSupported) || ok && len(e.Protocols) > 1
}
