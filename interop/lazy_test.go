package interop

import (
	"errors"
	"io"
	"testing"

	multistream "github.com/multiformats/go-multistream"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/wire"
)

// What is special about their lazy initiator is in no row of the matrix: how
// it writes, and what it does after a refusal of which it knows nothing.

// meetLazy has their lazy initiator talk to our responder. It returns what the
// initiator wrote, and in how many writes.
func meetLazy(t *testing.T, protocol string, answer func(*stream) error, talk func(lazy multistream.LazyConn) error) (said *spoken, v *visit, served error) {
	t.Helper()
	near, far := openTCP(t)
	said = &spoken{Conn: near}
	v = &visit{Conn: far, answer: answer}
	ch := make(chan error, 1)
	go func() { ch <- ourResponders[1].serve(newService(names("/a", "/b")), v) }()
	lazy := multistream.NewMSSelect(said, protocol)
	if err := talk(lazy); err != nil {
		t.Errorf("the initiator: %v", err)
	}
	near.Close()
	return said, v, <-ch
}

func TestLazyWrites(t *testing.T) {
	write := func(text string) func(lazy multistream.LazyConn) error {
		return func(lazy multistream.LazyConn) error { _, err := io.WriteString(lazy, text); return err }
	}
	closes := func(lazy multistream.LazyConn) error { return lazy.Close() }
	for _, tc := range []struct {
		name   string
		talk   []func(lazy multistream.LazyConn) error
		said   string
		writes int
		heard  string
	}{
		{"Write, Close", steps(write("fire"), closes), header + "\x03/a\nfire", 1, "fire"},
		{"Flush, Write, Close", steps(multistream.LazyConn.Flush, write("fire"), closes), header + "\x03/a\nfire", 2, "fire"},
		{"two Writes, Close", steps(write("fi"), write("re"), closes), header + "\x03/a\nfire", 2, "fire"},
		{"Flush, Close", steps(multistream.LazyConn.Flush, closes), header + "\x03/a\n", 1, ""},
		{"Close", steps(closes), header + "\x03/a\n", 1, ""},
		{"Close twice", steps(closes, func(lazy multistream.LazyConn) error { lazy.Close(); return nil }), header + "\x03/a\n", 1, ""},
		{"a word that looks like a proposal", steps(write("\x03/b\n"), closes), header + "\x03/a\n\x03/b\n", 1, "\x03/b\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			heard := func(s *stream) error { return inOrder(s.hears(tc.heard), s.hearsNothingMore) }
			said, v, served := meetLazy(t, "/a", heard, func(lazy multistream.LazyConn) error {
				for _, step := range tc.talk {
					if err := step(lazy); err != nil {
						return err
					}
				}
				return nil
			})
			if said.said.String() != tc.said || said.writes != tc.writes {
				t.Errorf("the initiator said %q in %d writes, want %q in %d", &said.said, said.writes, tc.said, tc.writes)
			}
			if served != nil || v.err != nil || v.served != "/a" {
				t.Errorf("our responder served %q and says %v, %v", v.served, served, v.err)
			}
		})
	}
}

func steps(s ...func(lazy multistream.LazyConn) error) []func(lazy multistream.LazyConn) error {
	return s
}

// A lazy initiator that is refused learns it from Read, and from nothing else.
func TestLazyRefused(t *testing.T) {
	_, v, served := meetLazy(t, "/x", silence.answer, func(lazy multistream.LazyConn) error {
		return inOrder(
			func() error { _, err := lazy.Write([]byte("fire")); return err },
			func() error {
				if _, err := lazy.Read(nil); !errors.Is(err, multistream.ErrNotSupported[string]{}) {
					t.Errorf("Read says %v", err)
				}
				return nil
			},
			func() error { _, err := lazy.Write([]byte("and forget")); return err },
			lazy.Close)
	})
	if !errors.Is(served, multiselect.ErrGaveUp) || v.served != "" {
		t.Errorf("our responder served %q and says %v, want %v", v.served, served, multiselect.ErrGaveUp)
	}
}

// Early data behind a refused proposal is read as negotiation, by every
// responder: nobody on the wire can know better. When it happens to be a
// proposal it is agreed to, and the two ends believe in different protocols
// (go-multistream#20). This is the control of TestLazyGuarded: our responder has
// the hole as every other has, and our lazy streams never send such data.
func TestLazyRefusedEarlyProposal(t *testing.T) {
	_, v, served := meetLazy(t, "/x", silence.answer, func(lazy multistream.LazyConn) error {
		_, err := lazy.Write(wire.AppendMessage(nil, "/b"))
		return errors.Join(err, lazy.Close())
	})
	if served != nil || v.served != "/b" {
		t.Errorf("our responder served %q and says %v; is this hole closed? Then docs/protocol.md has to say so", v.served, served)
	}
}
