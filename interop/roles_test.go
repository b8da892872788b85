package interop

import (
	"context"
	"io"
	"net"
	"slices"
	"strings"

	multistream "github.com/multiformats/go-multistream"

	"github.com/multiselect/multiselect"
)

// initiator is one way to propose, ours or theirs.
type initiator struct {
	name   string
	choose func(sc *scenario, conn net.Conn) (string, *stream, error)
	// refused returns what an error says was refused, or false if it is no
	// refusal.
	refused func(err error) ([]string, bool)
	steps   bool // each proposal is a call of its own, whose error names no other
	single  bool // makes one proposal only
	lists   bool // reads the list with a reader that takes 1024 bytes
	// writesFirst says that its first write is not beside a read, so that it
	// cannot be used on a pipe with a responder that begins with a write, too.
	writesFirst bool
}

// responder is one way to answer, ours or theirs. It serves one connection and
// returns when the handler has.
type responder struct {
	name   string
	serve  func(s *service, v *visit) error
	gaveUp error // what it calls an initiator that leaves when all is refused
}

// service is what a responder speaks, registered with either library.
type service struct {
	speaks []string // a name that ends in "*" stands for a prefix, one in "?" for a function
	ours   *multiselect.Muxer
	theirs *multistream.MultistreamMuxer[string]
}

func newService(speaks []string) *service {
	s := &service{speaks, new(multiselect.Muxer), multistream.NewMultistreamMuxer[string]()}
	for _, name := range speaks {
		s.add(name)
	}
	return s
}

func (s *service) add(name string) {
	handler := func(_ context.Context, protocol string, v io.ReadWriteCloser) { v.(*visit).handle(protocol) }
	theirHandler := func(protocol string, v io.ReadWriteCloser) error {
		v.(*visit).handle(protocol)
		return nil
	}
	prefix := strings.TrimRight(name, "*?")
	match := func(proposed string) bool { return strings.HasPrefix(proposed, prefix) }
	var err error
	switch {
	case prefix == name:
		err = s.ours.AddHandler(name, handler)
		s.theirs.AddHandler(name, theirHandler)
	case strings.HasSuffix(name, "*"):
		err = s.ours.AddMatcher(multiselect.MatchPrefix(prefix), handler)
		s.theirs.AddHandlerWithFunc(name, match, theirHandler)
	default:
		err = s.ours.AddMatcher(multiselect.MatchFunc(name, match), handler)
		s.theirs.AddHandlerWithFunc(name, match, theirHandler)
	}
	if err != nil {
		panic(err) // a mistake in the table
	}
}

// listed returns the names that the answer of our responder to "ls" holds.
func listed(speaks []string) []string {
	names := slices.DeleteFunc(slices.Clone(speaks), func(name string) bool { return strings.ContainsAny(name, "*?") })
	slices.Sort(names)
	return names
}

// visit is a connection as a responder sees it, and what came of it.
type visit struct {
	net.Conn
	answer func(s *stream) error
	served string // the protocol that the handler was called with
	err    error  // of the application
}

func (v *visit) handle(protocol string) {
	defer v.Close()
	v.served = protocol
	v.err = v.answer(&stream{v, v.Conn})
}
