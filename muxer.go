package multiselect

import (
	"context"
	"fmt"
	"io"
	"iter"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/multiselect/multiselect/internal/names"
	"github.com/multiselect/multiselect/wire"
)

// Handler serves a stream on which the protocol was agreed. It owns the stream
// and closes it.
type Handler func(ctx context.Context, protocol string, stream io.ReadWriteCloser)

// Muxer is the responder: it holds the protocols that this side speaks, and
// answers a peer's proposals. The zero value is ready. Its fields are set
// before it is used; its methods may be called at any time, by any number of
// goroutines, also while it negotiates: what is registered at the moment when
// an answer is decided counts (R16).
//
// Looking up a name that is registered takes the same time whatever the number
// of names, and no lock.
type Muxer struct {
	// Limits bound each negotiation.
	Limits Limits
	// Unbuffered is the same as [Client].Unbuffered.
	Unbuffered bool
	// HeaderFirst sends the header before the peer's has arrived, in a write of its
	// own, for initiators that wait for it before they say a word. Without it the
	// header leaves with the first answer if it can (R1).
	HeaderFirst bool
	// OneShot makes the first refusal the last: the stream is ended behind it, and
	// the negotiation fails with [ErrGaveUp]. So nothing that a lazy initiator has
	// sent behind a refused proposal can be taken for another one, which is what
	// [Client.Unguarded] wants. An answer to "ls" is no refusal unless it is "na".
	OneShot bool
	// NoList makes "ls" an unknown protocol: it is answered "na".
	NoList bool
	// Listed selects the names that the answer to "ls" holds. If nil, it holds
	// all. It is called without a lock held, by the goroutine that negotiates.
	ListFilter func(protocol string) bool

	table    names.Table[Handler]
	mu       sync.Mutex // held by those who change the matchers
	matchers atomic.Pointer[matchers]
}

// NewMuxer returns a Muxer with the given handlers and the default [Limits]. It
// fails if a name is invalid or a handler is nil.
func NewMuxer(handlers map[string]Handler) (*Muxer, error) {
	m := new(Muxer)
	for protocol, h := range handlers {
		if err := m.AddHandler(protocol, h); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// AddHandler registers a protocol. It fails with [ErrInvalidName] for a name
// that cannot be proposed, with [ErrConflict] for one that has a handler, and
// with [ErrNoHandler] for a nil handler.
//
// A name need not begin with a slash, but rust-libp2p ends the stream when it
// sees one that does not.
func (m *Muxer) AddHandler(protocol string, h Handler) error {
	return m.add(protocol, h, false)
}

// ReplaceHandler is [Muxer.AddHandler] for a name that may have a handler. It
// is atomic: there is no moment at which the name has none.
func (m *Muxer) ReplaceHandler(protocol string, h Handler) error {
	return m.add(protocol, h, true)
}

func (m *Muxer) add(protocol string, h Handler, replace bool) error {
	err := wire.CheckName(protocol, m.Limits.message())
	switch {
	case err != nil:
	case h == nil:
		err = ErrNoHandler
	case !m.table.Add(protocol, h, replace):
		err = ErrConflict
	}
	if err != nil {
		return fmt.Errorf("multiselect: handler for %.80q: %w", protocol, err)
	}
	return nil
}

// RemoveHandler unregisters a protocol and reports whether it was registered.
// Streams that have agreed on it are not touched.
func (m *Muxer) RemoveHandler(protocol string) bool { return m.table.Remove(protocol) }

// AddMatcher registers a handler for all names that the matcher accepts and
// that have no handler of their own. It fails like [Muxer.AddHandler];
// matchers of the same kind with the same text are in conflict.
func (m *Muxer) AddMatcher(matcher Matcher, h Handler) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	old := m.matchers.Load()
	err := matcher.check(m.Limits.message())
	switch {
	case err != nil:
	case h == nil:
		err = ErrNoHandler
	case old.find(matcher) >= 0:
		err = ErrConflict
	}
	if err != nil {
		return fmt.Errorf("multiselect: matcher %.80q: %w", matcher, err)
	}
	m.matchers.Store(old.with(matcher, h))
	return nil
}

// RemoveMatcher unregisters a matcher and reports whether it was registered.
func (m *Muxer) RemoveMatcher(matcher Matcher) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	old := m.matchers.Load()
	i := old.find(matcher)
	if i < 0 {
		return false
	}
	m.matchers.Store(old.without(i))
	return true
}

// Handlers goes through the names that are registered, in no order. Names that
// come or go meanwhile may or may not be seen. Matchers are not.
func (m *Muxer) Handlers() iter.Seq2[string, Handler] { return m.table.All() }

// Protocols returns what can be proposed, sorted: the names that are registered
// and the protocols of [MatchMajor]. What other matchers accept has no name.
func (m *Muxer) Protocols() []string {
	return slices.Sorted(m.names)
}

// names goes through what can be proposed, each name once, in no order. A name
// that is registered and the name of a [MatchMajor] is one.
func (m *Muxer) names(yield func(string) bool) {
	var majors []string
	if set := m.matchers.Load(); set != nil {
		for _, r := range set.rules[:len(set.majors)] {
			majors = append(majors, r.name)
		}
	}
	for name := range m.table.All() {
		if i := slices.Index(majors, name); i >= 0 {
			majors = slices.Delete(majors, i, i+1)
		}
		if !yield(name) {
			return
		}
	}
	for _, name := range majors {
		if !yield(name) {
			return
		}
	}
}

// Handler returns the handler that a protocol leads to at this moment, by its
// name or by a matcher, and nil if it would be refused. It is for those who have
// learned the name in another way, by TLS's ALPN say.
func (m *Muxer) Handler(protocol string) Handler {
	_, h := m.lookup([]byte(protocol))
	return h
}

// lookup returns the handler of a name, and the name as a string.
func (m *Muxer) lookup(name []byte) (string, Handler) {
	if n := m.table.Lookup(name); n != nil {
		return n.Name(), n.Value()
	}
	set := m.matchers.Load()
	if set == nil {
		return "", nil
	}
	protocol := string(name)
	if wire.CheckName(protocol, m.Limits.message()) != nil {
		return "", nil
	}
	return protocol, set.lookup(protocol)
}

// shortest returns the size of the shortest message that could be agreed on.
// A muxer without names still has to assume one, which may be added while a
// read is waiting.
func (m *Muxer) shortest() int {
	shortest := m.table.Shortest()
	if set := m.matchers.Load(); set != nil && (shortest == 0 || set.shortest < shortest) {
		shortest = set.shortest
	}
	return max(shortest, shortestMessage+1)
}
