// Package lingers bounds the number of streams that linger after they are closed, and
// waits for them.
//
// The room is shared by the hosts of the remote sides. When it is full, a new linger ends the
// oldest one of the host that has the most. So a silent peer, whose streams linger for their
// whole time limit, ends its own streams, and costs the streams of other hosts nothing.
// Streams whose remote address is not known share as one host.
package lingers

import (
	"container/list"
	"net"
	"slices"
	"sync"
)

// Pool is a set of lingers. Its methods may be called concurrently.
type Pool struct {
	max int

	mu      sync.Mutex
	hosts   map[string]*list.List // the lingers of each host, the oldest first
	active  int                   // lingers in hosts
	ending  int                   // lingers that were evicted and whose end has not returned
	evicted int                   // lingers that ended, or never began, for lack of room
	started uint64                // lingers so far
	waiters []*waiter
}

// Linger is one stream that lingers.
type Linger struct {
	pool         *Pool
	remote, host string
	number       uint64
	end          func()
	element      *list.Element // in the list of its host; nil after the end
}

// waiter is a call of [Pool.Wait].
type waiter struct {
	remotes []string
	pending int           // lingers to wait for
	done    chan struct{} // closed when pending is 0
}

// NewPool returns a Pool of at most max lingers.
func NewPool(max int) *Pool { return &Pool{max: max, hosts: make(map[string]*list.List)} }

// Start adds a linger for a stream with the given remote address, such as "192.0.2.1:80", or
// "" if it is not known. If the Pool is full, it evicts another one, and calls the end of that
// in a goroutine.
//
// Start returns nil if the Pool is full and as many evicted lingers have not returned from end.
func (p *Pool) Start(remote string, end func()) *Linger {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.active >= p.max {
		p.evicted++
		if p.ending >= p.max {
			return nil
		}
	}
	p.started++
	l := &Linger{pool: p, remote: remote, host: hostOf(remote), number: p.started, end: end}
	lingers := p.hosts[l.host]
	if lingers == nil {
		lingers = list.New()
		p.hosts[l.host] = lingers
	}
	l.element = lingers.PushBack(l)
	p.active++
	for _, w := range p.waiters {
		if w.isFor(l) {
			w.pending++
		}
	}
	if p.active > p.max {
		p.evict(p.victim())
	}
	return l
}

// hostOf returns the host of a remote address, and other addresses as they are.
func hostOf(remote string) string {
	if host, _, err := net.SplitHostPort(remote); err == nil {
		return host
	}
	return remote
}

// victim returns the oldest linger of the host that has the most.
func (p *Pool) victim() (victim *Linger) {
	most := 0
	for _, lingers := range p.hosts {
		oldest := lingers.Front().Value.(*Linger)
		if n := lingers.Len(); n > most || n == most && oldest.number < victim.number {
			most, victim = n, oldest
		}
	}
	return victim
}

// evict removes a linger and ends it.
func (p *Pool) evict(l *Linger) {
	p.remove(l)
	p.ending++
	go func() {
		defer func() {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.ending--
		}()
		l.end()
	}()
}

// Finish removes the linger. It reports false if the linger was evicted: its end was called
// or is about to be.
func (l *Linger) Finish() bool {
	l.pool.mu.Lock()
	defer l.pool.mu.Unlock()
	if l.element == nil {
		return false
	}
	l.pool.remove(l)
	return true
}

func (p *Pool) remove(l *Linger) {
	lingers := p.hosts[l.host]
	if lingers.Remove(l.element); lingers.Len() == 0 {
		delete(p.hosts, l.host)
	}
	l.element = nil
	p.active--
	p.waiters = slices.DeleteFunc(p.waiters, func(w *waiter) bool {
		if w.isFor(l) {
			if w.pending--; w.pending == 0 {
				close(w.done)
			}
		}
		return w.pending == 0
	})
}

// Stats returns the number of lingers, and of those that ended or never began for lack of room.
func (p *Pool) Stats() (active, evicted int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.active, p.evicted
}

// Wait blocks until no stream lingers whose remote address, or its host, is one of remotes, or
// until none lingers at all if there are no remotes. Streams that begin to linger meanwhile count.
//
// If stop is closed before, Wait returns how many streams linger, and their remote addresses.
func (p *Pool) Wait(stop <-chan struct{}, remotes []string) (pending int, left []string) {
	w := &waiter{remotes: remotes, done: make(chan struct{})}
	p.mu.Lock()
	for l := range p.all() {
		if w.isFor(l) {
			w.pending++
		}
	}
	if w.pending > 0 {
		p.waiters = append(p.waiters, w)
	}
	wait := w.pending > 0
	p.mu.Unlock()
	if !wait {
		return 0, nil
	}
	select {
	case <-w.done:
		return 0, nil
	case <-stop:
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiters = slices.DeleteFunc(p.waiters, func(other *waiter) bool { return other == w })
	for l := range p.all() {
		if w.isFor(l) {
			left = append(left, l.remote)
		}
	}
	slices.Sort(left)
	return w.pending, slices.Compact(left)
}

// all iterates over the lingers in no particular order.
func (p *Pool) all() func(yield func(*Linger) bool) {
	return func(yield func(*Linger) bool) {
		for _, lingers := range p.hosts {
			for e := lingers.Front(); e != nil; e = e.Next() {
				if !yield(e.Value.(*Linger)) {
					return
				}
			}
		}
	}
}

func (w *waiter) isFor(l *Linger) bool {
	return len(w.remotes) == 0 || slices.Contains(w.remotes, l.remote) || slices.Contains(w.remotes, l.host)
}
