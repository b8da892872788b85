package interop

import (
	"fmt"
	"io"
	"net"
	"strings"
)

// application is what is spoken behind the agreement. Both parts check that
// they hear all that the other says and nothing else: a byte that a negotiation
// kept or left behind fails here.
type application struct {
	ask    func(s *stream) error // the initiator's part; it ends with Close
	answer func(s *stream) error // the responder's
	halves bool                  // needs half-close
	early  bool                  // the responder's first words leave with its echo
}

// stream is what a negotiation left: the connection itself, or a lazy one that
// has yet to negotiate.
type stream struct {
	io.ReadWriteCloser
	conn net.Conn
}

var (
	ping = pingWith("ping")
	// Larger than any buffer of either side, and with newlines that look like
	// the ends of messages.
	pingLarge = pingWith(strings.Repeat("0123456\n", 1024))
)

func pingWith(payload string) application {
	return application{
		ask: func(s *stream) error {
			return inOrder(s.says(payload), s.hears(payload), s.Close)
		},
		answer: func(s *stream) error {
			return inOrder(s.hears(payload), s.says(payload), s.hearsNothingMore)
		},
	}
}

// greeting is a protocol in which the responder speaks first.
var greeting = application{
	early: true,
	ask: func(s *stream) error {
		return inOrder(s.hears("hello"), s.Close)
	},
	answer: func(s *stream) error {
		return inOrder(s.says("hello"), s.hearsNothingMore)
	},
}

// halfClose is a request that ends with the end of one direction, and a reply
// that ends with the end of the other.
var halfClose = application{
	halves: true,
	ask: func(s *stream) error {
		return inOrder(s.says("request"), s.closeWrite, s.hears("reply"), s.hearsNothingMore, s.Close)
	},
	answer: func(s *stream) error {
		return inOrder(s.hears("request"), s.hearsNothingMore, s.says("reply"), s.Close)
	},
}

// fireAndForget closes without waiting for anything.
var fireAndForget = application{
	ask:    func(s *stream) error { return inOrder(s.says("fire"), s.Close) },
	answer: func(s *stream) error { return inOrder(s.hears("fire"), s.hearsNothingMore) },
}

// silence closes without a word: all that a lazy initiator ever sends are the
// header and its proposal.
var silence = application{
	ask:    func(s *stream) error { return s.Close() },
	answer: func(s *stream) error { return s.hearsNothingMore() },
}

func inOrder(steps ...func() error) error {
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func (s *stream) says(text string) func() error {
	return func() error {
		n, err := io.WriteString(s, text)
		if err == nil && n != len(text) {
			err = fmt.Errorf("Write said %d of %d bytes, and no error", n, len(text))
		}
		return err
	}
}

func (s *stream) hears(text string) func() error {
	return func() error {
		heard := make([]byte, len(text))
		if n, err := io.ReadFull(s, heard); err != nil {
			return fmt.Errorf("heard %.40q and then: %w", heard[:n], err)
		}
		if string(heard) != text {
			return fmt.Errorf("heard %.40q, want %.40q", heard, text)
		}
		return nil
	}
}

func (s *stream) hearsNothingMore() error {
	more, err := io.ReadAll(s)
	if err == nil && len(more) > 0 {
		err = fmt.Errorf("heard %.40q behind the last word", more)
	}
	return err
}

// closeWrite ends one direction below a lazy stream, as go-libp2p does it: the
// handshake has left with the first words.
func (s *stream) closeWrite() error { return closeWrite(s.conn) }
