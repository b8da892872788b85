package multistream

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"sync"

	"github.com/multiselect/multiselect"
)

// StringLike is any type whose underlying type is string.
type StringLike interface {
	~string
}

// HandlerFunc serves a stream on which the protocol was agreed. It owns the
// stream and closes it.
type HandlerFunc[T StringLike] func(protocol T, rwc io.ReadWriteCloser) error

// Handler is a handler with the name that it was added under and the function
// that says which protocols it is for. Nothing here takes or returns one.
type Handler[T StringLike] struct {
	MatchFunc func(T) bool
	Handle    HandlerFunc[T]
	AddName   T
}

// MultistreamMuxer is the responder: it holds handlers, and answers a peer's
// proposals with the first one that was added and is for the protocol. The zero
// value is ready. Its methods may be called by any number of goroutines, by match
// functions too.
type MultistreamMuxer[T StringLike] struct {
	core multiselect.Muxer
	set  sync.Once // the fields of core

	mu        sync.Mutex // held by those who change what follows, and what core holds
	added     map[T]entry
	order     int // of the last entry
	functions int // how many entries have a function
}

// entry is what was added under a name. The core asks names first and functions
// then, in the order in which they were added. So a name that is added behind a
// function has to be one, too.
type entry struct {
	order      int
	isMatcher  bool // in core it is matcher, and otherwise a name
	isFunction bool
	matcher    multiselect.Matcher
}

// NewMultistreamMuxer returns a muxer without handlers.
func NewMultistreamMuxer[T StringLike]() *MultistreamMuxer[T] {
	return new(MultistreamMuxer[T])
}

// AddHandler adds a handler for one protocol, behind all others. What was added
// under that name before is removed, without a moment at which there is neither.
// The handler may be nil: then [MultistreamMuxer.Negotiate] returns nil. Names
// that cannot be proposed (R9) are held, and never agreed to.
func (m *MultistreamMuxer[T]) AddHandler(protocol T, handler HandlerFunc[T]) {
	m.mu.Lock()
	defer m.mu.Unlock()
	old, replaces := m.added[protocol]
	functions := m.functions
	if old.isFunction {
		functions--
	}
	if functions == 0 {
		m.core.ReplaceHandler(string(protocol), carry(handler))
		if replaces && old.isMatcher {
			m.remove(protocol)
		}
		m.add(protocol, entry{})
		return
	}
	m.addMatcher(protocol, func(p string) bool { return p == string(protocol) }, handler, false)
}

// AddHandlerWithFunc adds a handler for the protocols for which match returns
// true, behind all others. The name is what [MultistreamMuxer.RemoveHandler] and
// Protocols know it by. No lock is held while match is called.
func (m *MultistreamMuxer[T]) AddHandlerWithFunc(protocol T, match func(T) bool, handler HandlerFunc[T]) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.addMatcher(protocol, func(p string) bool { return match(T(p)) }, handler, true)
}

// addMatcher adds the new before it removes the old.
func (m *MultistreamMuxer[T]) addMatcher(protocol T, match func(string) bool, handler HandlerFunc[T], isFunction bool) {
	label := string(protocol) + "#" + strconv.Itoa(m.order+1) // the old is there, too
	e := entry{isMatcher: true, isFunction: isFunction, matcher: multiselect.MatchFunc(label, match)}
	m.core.AddMatcher(e.matcher, carry(handler)) // in conflict with nothing
	m.remove(protocol)
	m.add(protocol, e)
}

func (m *MultistreamMuxer[T]) add(protocol T, e entry) {
	if m.added == nil {
		m.added = make(map[T]entry)
	}
	m.order++
	e.order = m.order
	m.added[protocol] = e
	if e.isFunction {
		m.functions++
	}
}

// RemoveHandler removes what was added under the name, if anything was.
func (m *MultistreamMuxer[T]) RemoveHandler(protocol T) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.remove(protocol)
}

func (m *MultistreamMuxer[T]) remove(protocol T) {
	e, ok := m.added[protocol]
	switch {
	case !ok:
		return
	case e.isMatcher:
		m.core.RemoveMatcher(e.matcher)
	default:
		m.core.RemoveHandler(string(protocol))
	}
	if e.isFunction {
		m.functions--
	}
	delete(m.added, protocol)
}

// Protocols returns the names of all handlers, in the order in which they were
// added.
func (m *MultistreamMuxer[T]) Protocols() []T {
	m.mu.Lock()
	defer m.mu.Unlock()
	var names []T
	for name := range m.added {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b T) int { return cmp.Compare(m.added[a].order, m.added[b].order) })
	return names
}

// carry makes a handler of the core, which only tells which one it is.
func carry[T StringLike](handler HandlerFunc[T]) multiselect.Handler {
	return func(_ context.Context, _ string, stream io.ReadWriteCloser) {
		stream.(*held).handler = handler
	}
}

// responder returns the core, with its fields set.
func (m *MultistreamMuxer[T]) responder() *multiselect.Muxer {
	m.set.Do(func() {
		m.core.HeaderFirst = true
		m.core.NoList = true
		m.core.Limits.Timeout = budget
	})
	return &m.core
}

// Negotiate answers the peer's proposals until there is a handler for one, and
// returns both. Not a byte behind the proposal is read, and rwc is the caller's:
// if Negotiate fails, too, but for a peer that does not say the header, which is
// hung up on.
//
// It fails after a minute, after 128 proposals, and after 64 KiB of them. A stream
// on which the minute was over has its deadlines in the past if it has deadlines,
// and is ended otherwise.
func (m *MultistreamMuxer[T]) Negotiate(rwc io.ReadWriteCloser) (proto T, handler HandlerFunc[T], err error) {
	defer func() {
		if r := recover(); r != nil { // a match function's, say
			proto, handler, err = "", nil, panicError(r)
		}
	}()
	h := hold(rwc)
	name, found, err := m.responder().Negotiate(context.Background(), h)
	if err != nil {
		err = failure(err)
		if err == ErrIncorrectVersion {
			rwc.Close()
		}
		return "", nil, err
	}
	found(context.Background(), name, h)
	handler, _ = h.handler.(HandlerFunc[T])
	h.release()
	return T(name), handler, nil
}

// Handle negotiates and then calls the handler, and returns its error. If that
// is nil it fails with [multiselect.ErrNoHandler].
func (m *MultistreamMuxer[T]) Handle(rwc io.ReadWriteCloser) error {
	protocol, handler, err := m.Negotiate(rwc)
	if err != nil {
		return err
	}
	if handler == nil {
		return fmt.Errorf("multistream: %.80q: %w", string(protocol), multiselect.ErrNoHandler)
	}
	return handler(protocol, rwc)
}
