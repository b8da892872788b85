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

// Handler serves a stream on which the protocol is agreed. It owns the stream and must close it.
type Handler func(ctx context.Context, protocol string, stream io.ReadWriteCloser)

// Muxer is the responder: it holds the protocols of this side and answers a peer's proposals. The
// zero value is ready. Its fields must be set before it is used, and it must not be copied
// afterwards. Its methods may be called at any time and concurrently, also while it negotiates:
// each proposal is looked up at the time when it is answered (R16). Looking up a registered name
// takes constant time and no lock.
type Muxer struct {
	// Limits bound each negotiation.
	Limits Limits
	// Unbuffered must be set for streams whose Write returns only when the peer has
	// read, such as two [io.Pipe] (R28): see [Client].Unbuffered.
	Unbuffered bool
	// HeaderFirst sends the header before the peer's has arrived, in a write of its own, for
	// initiators that wait for it. Otherwise it is sent with the first answer if possible (R1).
	HeaderFirst bool
	// OneShot ends the stream after the first refusal, and the negotiation fails with
	// [ErrGaveUp]. Data that a lazy initiator has sent after a refused proposal is then
	// never read as another proposal, as [Client].Unguarded requires. A list is no
	// refusal; an "ls" that is answered "na" is one.
	OneShot bool
	// NoList makes "ls" an unknown protocol, which is answered "na" (R19).
	NoList bool
	// ListFilter selects the names in the answer to "ls". If it is nil, the answer has
	// all names. The goroutine that negotiates calls it, without a lock held, for each
	// registered name and each "ls"; without it, the list is made once for each change.
	ListFilter func(protocol string) bool

	table    names.Table[Handler]
	mu       sync.Mutex // held while the matchers change, and while the list is made
	matchers atomic.Pointer[matchers]
	list     atomic.Pointer[nameList]
}

// NewMuxer returns a Muxer with the given handlers and the default [Limits]. A zero
// Muxer and [Muxer.AddHandler] serve as well. It fails like AddHandler.
func NewMuxer(handlers map[string]Handler) (*Muxer, error) {
	m := new(Muxer)
	for protocol, h := range handlers {
		if err := m.AddHandler(protocol, h); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// AddHandler registers a protocol. It fails with [ErrInvalidName] for a name that cannot
// be proposed (R9), with [ErrConflict] for a name that has a handler, and with
// [ErrNoHandler] for a nil handler.
//
// A name should begin with a slash: it need not, but rust-libp2p ends the stream when
// it receives one that does not.
func (m *Muxer) AddHandler(protocol string, h Handler) error { return m.add(protocol, h, false) }

// ReplaceHandler registers a protocol like [Muxer.AddHandler], and replaces its handler
// if it has one. It is atomic: the name always has one of the two handlers.
func (m *Muxer) ReplaceHandler(protocol string, h Handler) error { return m.add(protocol, h, true) }

func (m *Muxer) add(protocol string, h Handler, replace bool) error {
	err := wire.CheckName(protocol, m.Limits.maxMessage())
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

// RemoveHandler unregisters a protocol and reports whether it was registered. It does
// not affect streams on which the protocol is agreed.
func (m *Muxer) RemoveHandler(protocol string) bool { return m.table.Remove(protocol) }

// AddMatcher registers a handler for all names that the matcher accepts and that have no
// handler of their own (R15). It fails like [Muxer.AddHandler]; two matchers of one kind
// whose strings are equal are in conflict.
func (m *Muxer) AddMatcher(matcher Matcher, h Handler) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	old, i := m.findMatcher(matcher)
	err := matcher.check(m.Limits.maxMessage())
	switch {
	case err != nil:
	case h == nil:
		err = ErrNoHandler
	case i >= 0:
		err = ErrConflict
	}
	if err != nil {
		return fmt.Errorf("multiselect: matcher %.80q: %w", matcher, err)
	}
	m.matchers.Store(newMatchers(append(slices.Clone(old), matcherEntry{matcher, h})))
	return nil
}

// RemoveMatcher unregisters a matcher and reports whether it was registered.
func (m *Muxer) RemoveMatcher(matcher Matcher) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	old, i := m.findMatcher(matcher)
	if i >= 0 {
		m.matchers.Store(newMatchers(slices.Delete(slices.Clone(old), i, i+1)))
	}
	return i >= 0
}

// Handlers iterates over the registered names, in no order, without the matchers. Names
// that are added or removed during the iteration may or may not be visited.
func (m *Muxer) Handlers() iter.Seq2[string, Handler] { return m.table.All() }

// Protocols returns the names that a peer can propose, sorted: the registered names and
// those given to [MatchMajor]. Other matchers accept names that cannot be listed.
func (m *Muxer) Protocols() []string { return slices.Sorted(m.names) }

// names iterates over the result of Protocols, in no order, each name once.
func (m *Muxer) names(yield func(string) bool) {
	var majors []string
	if set := m.matchers.Load(); set != nil {
		for _, r := range set.entries[:len(set.majors)] {
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

// Handler returns the handler of a protocol at this moment, by its name or by a matcher,
// and nil if the protocol would be refused. It serves callers that have agreed on the
// protocol in another way, such as ALPN.
func (m *Muxer) Handler(protocol string) Handler {
	_, h := m.lookup([]byte(protocol))
	return h
}

// lookup returns the handler of a name, and the name as a string. Registered names
// precede matchers (R15).
func (m *Muxer) lookup(name []byte) (string, Handler) {
	if n := m.table.Lookup(name); n != nil {
		return n.Name(), n.Value()
	}
	set := m.matchers.Load()
	if set == nil {
		return "", nil
	}
	protocol := string(name)
	if wire.CheckName(protocol, m.Limits.maxMessage()) != nil {
		return "", nil
	}
	return protocol, set.lookup(protocol)
}

// shortest returns the size in bytes of the shortest message that can be agreed on (R12).
// A Muxer without names assumes one of a byte, which may be added during a Read.
func (m *Muxer) shortest() int {
	shortest := m.table.Shortest()
	if set := m.matchers.Load(); set != nil && (shortest == 0 || set.shortest < shortest) {
		shortest = set.shortest
	}
	return max(shortest, shortestMessage+1)
}
