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
	"github.com/multiselect/multiselect/dropin"
)

// StringLike is any type whose underlying type is string.
type StringLike interface {
	~string
}

// HandlerFunc serves a stream after the agreement on protocol. It owns the stream and
// must close it.
type HandlerFunc[T StringLike] func(protocol T, rwc io.ReadWriteCloser) error

// Handler is a handler with its name and the function that reports which protocols it
// serves. It exists for compatibility: no function of this package takes or returns one.
type Handler[T StringLike] struct {
	MatchFunc func(T) bool
	Handle    HandlerFunc[T]
	AddName   T
}

// MultistreamMuxer is the responder. It agrees to a peer's proposal if it has a handler
// for the protocol; of several, the one that was added first serves the stream. The zero
// value is ready to use. Its methods may be called concurrently, also by match functions.
type MultistreamMuxer[T StringLike] struct {
	core      multiselect.Muxer
	configure sync.Once // sets the fields of core

	mu        sync.Mutex // guards the fields below and the handlers of core
	entries   map[T]entry
	lastOrder int
	functions int // number of entries with a match function
}

// entry is a handler with its name. The core looks up names first and then calls match
// functions in the order in which they were added. So a name that is added after a
// function becomes a matcher of the core as well.
type entry struct {
	order      int
	isMatcher  bool // in core it is matcher; otherwise it is a name there
	isFunction bool // it was added with a match function
	matcher    multiselect.Matcher
}

// NewMultistreamMuxer returns a muxer without handlers.
func NewMultistreamMuxer[T StringLike]() *MultistreamMuxer[T] {
	return new(MultistreamMuxer[T])
}

// AddHandler adds a handler for one protocol, after all others. It replaces a handler of
// that name atomically. The handler may be nil: then [MultistreamMuxer.Negotiate] returns
// a nil handler. A name that cannot be proposed (R9) is kept, and is never agreed to.
func (m *MultistreamMuxer[T]) AddHandler(protocol T, handler HandlerFunc[T]) {
	m.mu.Lock()
	defer m.mu.Unlock()
	old, replaces := m.entries[protocol]
	functions := m.functions
	if old.isFunction {
		functions--
	}
	if functions == 0 {
		m.core.ReplaceHandler(string(protocol), recordingHandler(handler))
		if replaces && old.isMatcher {
			m.remove(protocol)
		}
		m.add(protocol, entry{})
		return
	}
	m.addMatcher(protocol, func(p string) bool { return p == string(protocol) }, handler, false)
}

// AddHandlerWithFunc adds a handler for the protocols for which match returns true, after
// all others. The name identifies it for [MultistreamMuxer.RemoveHandler] and
// [MultistreamMuxer.Protocols]. The muxer calls match without holding a lock.
func (m *MultistreamMuxer[T]) AddHandlerWithFunc(protocol T, match func(T) bool, handler HandlerFunc[T]) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.addMatcher(protocol, func(p string) bool { return match(T(p)) }, handler, true)
}

// addMatcher adds the new before it removes the old.
func (m *MultistreamMuxer[T]) addMatcher(protocol T, match func(string) bool, handler HandlerFunc[T], isFunction bool) {
	label := string(protocol) + "#" + strconv.Itoa(m.lastOrder+1) // unlike that of the old one
	e := entry{isMatcher: true, isFunction: isFunction, matcher: multiselect.MatchFunc(label, match)}
	m.core.AddMatcher(e.matcher, recordingHandler(handler)) // no conflict: the label is new
	m.remove(protocol)
	m.add(protocol, e)
}

func (m *MultistreamMuxer[T]) add(protocol T, e entry) {
	if m.entries == nil {
		m.entries = make(map[T]entry)
	}
	m.lastOrder++
	e.order = m.lastOrder
	m.entries[protocol] = e
	if e.isFunction {
		m.functions++
	}
}

// RemoveHandler removes the handler of that name, if there is one.
func (m *MultistreamMuxer[T]) RemoveHandler(protocol T) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.remove(protocol)
}

func (m *MultistreamMuxer[T]) remove(protocol T) {
	e, ok := m.entries[protocol]
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
	delete(m.entries, protocol)
}

// Protocols returns the names of all handlers, in the order in which they were
// added.
func (m *MultistreamMuxer[T]) Protocols() []T {
	m.mu.Lock()
	defer m.mu.Unlock()
	var names []T
	for name := range m.entries {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b T) int { return cmp.Compare(m.entries[a].order, m.entries[b].order) })
	return names
}

// recordingHandler returns a handler of the core that only records the HandlerFunc in the
// stream.
func recordingHandler[T StringLike](handler HandlerFunc[T]) multiselect.Handler {
	return func(_ context.Context, _ string, stream io.ReadWriteCloser) {
		stream.(*coreStream).handler = handler
	}
}

// responder returns the core, with its fields set by the first call.
func (m *MultistreamMuxer[T]) responder(c *dropin.Config) *multiselect.Muxer {
	m.configure.Do(func() {
		m.core.NoList = true
		m.core.HeaderFirst = c.HeaderGrace <= 0
		m.core.Limits = c.Responder
	})
	return &m.core
}

// Negotiate answers the peer's proposals until there is a handler for one, and returns
// the protocol and its handler. Nothing after the proposal has been read. The stream
// remains the caller's, after an error too; only [ErrIncorrectVersion] closes it.
//
// The header is sent with the first answer, and to a peer that sends nothing after 20 ms.
//
// Negotiate fails after a minute, after 128 proposals, and after 64 KiB of them, unless the
// package config sets other limits. After the minute the deadlines of the stream are in the
// past; a stream without deadlines has been ended.
func (m *MultistreamMuxer[T]) Negotiate(rwc io.ReadWriteCloser) (proto T, handler HandlerFunc[T], err error) {
	defer func() {
		if r := recover(); r != nil { // from a match function, say
			proto, handler, err = "", nil, panicError(r)
		}
	}()
	config, ctx := begin()
	s := newCoreStream(rwc)
	core := m.responder(config)
	if !core.HeaderFirst {
		s.watchHeader(config.HeaderGrace)
	}
	name, found, err := core.Negotiate(ctx, s)
	if s.header.watchdog != nil { // nothing was written
		s.stopWatching()
	}
	if err != nil {
		err = compatibleError(err)
		if err == ErrIncorrectVersion {
			rwc.Close()
		}
		return "", nil, err
	}
	found(ctx, name, s)
	handler, _ = s.handler.(HandlerFunc[T])
	s.release()
	return T(name), handler, nil
}

// Handle negotiates, calls the handler and returns its error. If the handler is nil,
// Handle returns [multiselect.ErrNoHandler].
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
