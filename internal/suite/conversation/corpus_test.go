package conversation_test

import (
	"fmt"
	"io"
	"os"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/conform"
	"github.com/multiselect/multiselect/internal/streamtest"
)

// corpus returns the conversations for a role that this library can have: the cases of
// package conform, and those of testdata.
func corpus(t *testing.T, role multiselect.Role) (all []*conversation) {
	t.Helper()
	text, err := os.ReadFile("testdata/" + role.String() + ".txt")
	if err != nil {
		t.Fatal(err)
	}
	own, err := conform.Parse(role, string(text)+limitCases(role))
	if err != nil {
		t.Fatalf("testdata/%v.txt: %v", role, err)
	}
	for _, c := range append(conform.Cases(role), own...) {
		if v := newConversation(t, c); v != nil {
			all = append(all, v)
		}
	}
	return all
}

func TestResponder(t *testing.T) { playAll(t, multiselect.Responder) }
func TestInitiator(t *testing.T) { playAll(t, multiselect.Initiator) }

// playAll plays the corpus in all usages, over all transports, at all paces, on the
// in-line first exchange and, since there is a trace, in the general loop.
func playAll(t *testing.T, role multiselect.Role) {
	t.Parallel()
	for _, v := range corpus(t, role) {
		if isTimed(v) {
			continue // see TestTimeLimit
		}
		for _, u := range v.usages() {
			for _, via := range streamtest.Transports() {
				if v.has("reset") && !via.HalfClose || v.Mode == "lazy-half" && !via.Buffered {
					continue // without a buffer, a lazy payload waits for the answer, and this case for it
				}
				for _, traced := range []bool{false, true} {
					if traced && u.onStream == nil {
						continue // on a Communicator it is the general loop anyway
					}
					name := v.ID + "/" + u.name + "/" + via.Name
					if traced {
						name += "/traced"
					}
					t.Run(name, func(t *testing.T) {
						t.Parallel()
						inBubble(t, via, func(t *testing.T) {
							x := newExchange(t, v, u, via)
							if x.isTraced = traced; traced {
								x.ctx = multiselect.WithTrace(background, new(multiselect.Trace))
							}
							x.playAtAllPaces()
						})
					})
				}
			}
		}
	}
}

// inBubble calls do in a bubble of package synctest, except for streams through the
// kernel.
func inBubble(t *testing.T, via streamtest.Transport, do func(t *testing.T)) {
	t.Helper()
	if via.Buffered {
		do(t)
		return
	}
	synctest.Test(t, do)
}

func (x exchange) playAtAllPaces() {
	x.play(nil)
	for _, x.pace = range x.paces() {
		if x.t.Failed() {
			return // once is enough
		}
		if x.Mode == "lazy-half" {
			x.play(halfClosed)
		} else {
			x.play(closed)
		}
	}
}

// paces returns the paces for a conversation: a cut at every place, or, where there are
// many, at the first ones and at some others. The goroutines and their order are the same
// wherever the cut is, so the race detector gets every eighth of these places; check plays
// all of them without it.
func (x *exchange) paces() []pace {
	size := len(x.sent())
	paces := []pace{asWritten}
	if x.extra.uncut != "" || size > 8<<10 {
		return paces
	}
	paces = append(paces, byteByByte)
	if len(x.actions) > 50 || x.usage.isWrapper || x.via.Buffered && x.isTraced {
		return paces
	}
	every := 1
	if x.via.Buffered || x.isTraced {
		every = 3
	}
	places := 0
	for n := 1; n < size; n++ {
		if n <= 40 && n%every == 0 || n%(every+size/100) == 0 {
			if places++; !streamtest.Race || places%8 == 1 {
				paces = append(paces, cutAfter(n))
			}
		}
	}
	return paces
}

// A failure ends a stream by a reset, where there is one, and with the code, where that
// can be told.
func TestFailuresReset(t *testing.T) {
	t.Parallel()
	for _, role := range []multiselect.Role{multiselect.Responder, multiselect.Initiator} {
		for _, v := range corpus(t, role) {
			if v.fails == nil || v.has("reset") || isTimed(v) {
				continue
			}
			for _, u := range v.usages() {
				if u.isStepwise && v.fails.cause == multiselect.ErrNotSupported {
					continue // which ends no stream
				}
				t.Run(label(v)+"/"+u.name, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						x := newExchange(t, v, u, streamtest.OverNetPipe)
						x.play(reset)
						x.play(resetWithCode)
					})
				})
			}
		}
	}
}

func label(v *conversation) string { return v.Role.String() + " " + v.ID }

// closed, halfClosed, reset and resetWithCode are the streams that the library gets, with the word
// by which it must end them.
func closed(tap *streamtest.Tap) (io.ReadWriteCloser, string) { return tap, "close" }

func halfClosed(tap *streamtest.Tap) (io.ReadWriteCloser, string) { return halfTap{tap}, "close" }

func reset(tap *streamtest.Tap) (io.ReadWriteCloser, string) { return resetTap{tap}, "reset" }

func resetWithCode(tap *streamtest.Tap) (io.ReadWriteCloser, string) {
	return codeTap{tap}, "reset 0x1001"
}

type (
	halfTap  struct{ *streamtest.Tap }
	resetTap struct{ *streamtest.Tap }
	codeTap  struct{ *streamtest.Tap }
)

func (s halfTap) CloseWrite() error {
	return s.ReadWriteCloser.(interface{ CloseWrite() error }).CloseWrite()
}

func (s resetTap) Reset() error { return s.CloseAs("reset") }

func (s codeTap) Reset() error { return s.CloseAs("reset without a code") }

func (s codeTap) ResetWithError(code uint32) error { return s.CloseAs(fmt.Sprintf("reset %#x", code)) }

// isTimed reports whether the library must give up when its time limit expires.
func isTimed(v *conversation) bool {
	return v.fails != nil && v.fails.blame == multiselect.BlameSlowPeer
}

// The corpus that is played does not shrink unnoticed. It leaves out cases whose
// only outcome is that the library waits; the tests of package conform play those.
func TestCorpus(t *testing.T) {
	for role, least := range map[multiselect.Role]int{multiselect.Responder: 150, multiselect.Initiator: 140} {
		all := corpus(t, role)
		if len(all) < least {
			t.Errorf("%d conversations of the %v, want %d", len(all), role, least)
		}
		for _, c := range conform.Cases(role) {
			played := slices.ContainsFunc(all, func(v *conversation) bool { return v.ID == c.ID })
			if waits := c.Legal[0].Ends == conform.EndQuiet; !played && !waits {
				t.Errorf("%v %s is not played: it has no agreement, and no key \"error\"", role, c.ID)
			}
		}
	}
}
