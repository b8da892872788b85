package interop

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"

	multistream "github.com/multiformats/go-multistream"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/transcript"
	"github.com/multiselect/multiselect/wire"
)

// What the two libraries do not have in common although both speak
// multistream-select 1.0. The R numbers are those of docs/protocol.md. What
// they say to peers that break the protocol is in strangers_test.go.

// Names with a meaning of their own (R9): theirs proposes them, and takes a
// refusal for success. Ours refuses them before a byte is sent.
func TestDifferenceNames(t *testing.T) {
	unrecognized := func(expected, actual string) error {
		return multistream.ErrUnrecognizedResponse[string]{Expected: expected, Actual: actual}
	}
	refused := multistream.ErrNotSupported[string]{}
	for _, tc := range []struct {
		name   string
		theirs error // what their initiator makes of our responder
		ours   error // what our responder makes of it
	}{
		{wire.NA, nil, multiselect.ErrGaveUp}, // and they would go on in a protocol that was never agreed
		{wire.LS, unrecognized(wire.LS, "\x03/a\n"), io.ErrUnexpectedEOF},
		{wire.Header, refused, multiselect.ErrGaveUp},
		{"", refused, multiselect.ErrGaveUp},
		{"/a\n", refused, multiselect.ErrGaveUp},
		{long(1024), io.EOF, multiselect.ErrTooLarge},
	} {
		t.Run(fmt.Sprintf("%.20q", tc.name), func(t *testing.T) {
			near, far := openTCP(t)
			met := make(chan error, 1)
			go func() { met <- meetResponder(&ourResponders[1], names("/a"), far) }()
			_, err := multistream.SelectOneOf(names(tc.name), near)
			near.Close()
			if !errors.Is(err, tc.theirs) && !(tc.theirs == io.EOF && errors.Is(err, syscall.ECONNRESET)) {
				t.Errorf("their initiator says %v, want %v", err, tc.theirs)
			}
			if err := <-met; !errors.Is(err, tc.ours) {
				t.Errorf("our responder says %v, want %v", err, tc.ours)
			}
			nothingIsSent(t, multiselect.ErrInvalidName, tc.name)
		})
	}
}

// nothingIsSent checks that our initiator fails without a word.
func nothingIsSent(t *testing.T, want error, protocols ...string) {
	t.Helper()
	near, far := openTCP(t)
	defer far.Close()
	var client multiselect.Client
	if _, err := client.SelectOneOf(ctx, near, protocols...); !errors.Is(err, want) {
		t.Errorf("our initiator says %v, want %v", err, want)
	}
	if said, err := io.ReadAll(far); len(said) > 0 || err != nil {
		t.Errorf("our initiator said %q, %v", said, err)
	}
}

// The number of proposals (R27): theirs has no limit, ours has one on each
// side. 128 pass; see the matrix.
func TestDifferenceLimit(t *testing.T) {
	near, far := openTCP(t)
	defer near.Close()
	met := make(chan error, 1)
	go func() { met <- meetResponder(&ourResponders[1], names("/a"), far) }()
	_, err := multistream.SelectOneOf(numbered(129), near)
	if _, refused := refusedByOurs(err); err == nil || refused {
		t.Errorf("their initiator says %v, want the end of the stream", err)
	}
	if err := <-met; !errors.Is(err, multiselect.ErrLimit) {
		t.Errorf("our responder says %v, want %v", err, multiselect.ErrLimit)
	}
	nothingIsSent(t, multiselect.ErrLimit, numbered(129)...)
}

// A name that is listed twice: theirs proposes it twice, ours once.
func TestDifferenceDuplicates(t *testing.T) {
	said := func(i *initiator) string {
		near, far := openTCP(t)
		defer near.Close()
		go func() {
			defer far.Close()
			meetResponder(&theirResponders[1], names("/a"), far)
		}()
		n := &spoken{Conn: near}
		if _, _, err := i.choose(&scenario{proposes: names("/x", "/x", "/a")}, n); err != nil {
			t.Error(err)
		}
		return transcript.Transcribe(multiselect.Initiator, []byte(n.said.String()), wire.MaxMessage).String()
	}
	const once, twice = "> /multistream/1.0.0\n> /x\n> /a\n", "> /multistream/1.0.0\n> /x\n> /x\n> /a\n"
	if got := said(&ourInitiators[0]); got != once {
		t.Errorf("our initiator says\n%s", got)
	}
	if got := said(&theirInitiators[0]); got != twice {
		t.Errorf("their initiator says\n%s", got)
	}
}

// spoken is a connection that remembers what was written to it.
type spoken struct {
	net.Conn
	said   strings.Builder
	writes int
}

func (s *spoken) Write(p []byte) (int, error) {
	s.said.Write(p)
	s.writes++
	return s.Conn.Write(p)
}

// Who ends a stream on which all was refused (R25): ours does, theirs leaves it
// to the caller.
func TestDifferenceEnd(t *testing.T) {
	stillOpen := func(i *initiator, r *responder) bool {
		near, far := openTCP(t)
		defer near.Close()
		go func() {
			defer far.Close()
			meetResponder(r, names("/a"), far)
		}()
		if _, _, err := i.choose(&scenario{proposes: names("/x")}, near); err == nil {
			t.Error("/x was agreed on")
		}
		_, err := near.Write(nil)
		return !errors.Is(err, net.ErrClosed)
	}
	if stillOpen(&ourInitiators[0], &theirResponders[1]) {
		t.Error("our initiator leaves the stream open")
	}
	if !stillOpen(&theirInitiators[0], &ourResponders[1]) {
		t.Error("their initiator closed the stream")
	}
}

// A wrong header (R3): ours ends at once, theirs waits for a second message
// first. In the bubble, Wait returns when nobody has anything left to do.
func TestDifferencePatience(t *testing.T) {
	returns := func(i *initiator) bool {
		near, far := net.Pipe()
		returned := make(chan error, 1)
		go func() {
			_, _, err := i.choose(&scenario{proposes: names("/a")}, near)
			returned <- err
		}()
		go io.Copy(io.Discard, far)
		io.WriteString(far, "\x13/multistream/2.0.0\n")
		synctest.Wait()
		defer near.Close()
		defer far.Close()
		return len(returned) == 1
	}
	synctest.Test(t, func(t *testing.T) {
		if !returns(&ourInitiators[0]) {
			t.Error("our initiator waits for more than a wrong header")
		}
		if returns(&theirInitiators[0]) {
			t.Error("their initiator no longer waits for a second message")
		}
	})
}

// An initiator that stopped reading (R17): here there is no difference, and
// there must be none. Both hand over what it has sent.
func TestUnheard(t *testing.T) {
	for _, r := range append(ourResponders[:2:2], theirResponders...) {
		near, far := openTCP(t)
		io.WriteString(near, header+"\x03/a\nfire")
		closeWrite(near)
		v := &visit{Conn: unheard{far}, answer: fireAndForget.answer}
		if err := r.serve(newService(names("/a")), v); err != nil || v.err != nil || v.served != "/a" {
			t.Errorf("%s served %q and says %v, %v", r.name, v.served, err, v.err)
		}
		near.Close()
	}
}

// unheard is a connection whose peer has said that it does not read.
type unheard struct{ net.Conn }

func (unheard) Write([]byte) (int, error) { return 0, syscall.EPIPE }
