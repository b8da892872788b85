package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/wire"
)

func resetText(code uint32) string { return fmt.Sprintf("reset (%#x)", code) }

// play is a transcript, and the two who have that conversation: the library, or
// a script where the peer is one that the library would not be.
type play struct {
	name                 string
	initiator, responder func(*end) error
}

const (
	payload = "\x0e/delete/1.0.0\n\x03all" // reads as a proposal
	now     = "12:00:00"
)

var plays = []play{
	{"eager", request("/echo/1.0.0"), serve("/echo/1.0.0")},
	{"fallback", request("/echo/2.0.0", "/echo/1.0.0"), serve("/echo/1.0.0")},
	{"stepwise", stepwise, serve("/echo/1.0.0")},
	{"ls", listThenTime, serve("/echo/1.0.0", "/time/1.0.0")},
	{"ls-and-proposal", listAndTry, serve("/echo/1.0.0", "/time/1.0.0")},
	{"lazy", lazily(&client, "/echo/1.0.0", "hello"), serve("/echo/1.0.0")},
	{"lazy-guarded", lazily(&client, "/echo/1.0.0", payload), serve("/echo/1.0.0")},
	{"lazy-read-first", lazyRead, serve("/time/1.0.0")},
	{"lazy-close", lazyClose, serve("/log/1.0.0")},
	{"one-shot", lazily(&unguarded, "/echo/2.0.0", payload), serveOnce("/echo/1.0.0", "/delete/1.0.0")},
	{"lazy-refused", lazily(&client, "/echo/2.0.0", "hello"), serve("/echo/1.0.0")},
	{"wound", lazily(&unguarded, "/echo/2.0.0", payload), serve("/echo/1.0.0", "/delete/1.0.0")},
	{"refused", request("/echo/3.0.0", "/echo/2.0.0"), serve("/echo/1.0.0")},
	{"not-multistream", says("GET / HTTP/1.1\r\n"), serve("/echo/1.0.0")},
	{"unexpected-answer", request("/echo/1.0.0"), says(said(wire.Header, "/echo/1.0"))},
	{"silent", request("/echo/1.0.0"), says("")},
	{"gave-up", givesUp, serve("/echo/1.0.0")},
	{"stopped-reading", stopsReading, serve("/log/1.0.0")},
	{"too-large", says(said(wire.Header) + "\x81\b/echo"), serve("/echo/1.0.0")},
	{"two-initiators", selectOnly("/echo/1.0.0"), selectOnly("/echo/1.0.0")},
}

// TestPlay has the library play each transcript. What is written, in which
// writes, when, how the stream ends and what the calls return is compared; what
// else the comments tell is for the reader.
func TestPlay(t *testing.T) {
	for _, p := range plays {
		t.Run(p.name, func(t *testing.T) {
			text, err := os.ReadFile(docs + p.name + ".txt")
			if err != nil {
				t.Fatal(err)
			}
			s, err := readScene(text)
			if err != nil {
				t.Fatal(err)
			}
			synctest.Test(t, func(t *testing.T) {
				events := p.run()
				got, want := describe(events), s.describe()
				if !slices.Equal(got, want) {
					t.Errorf("played:\n%s\nthe transcript:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
				}
				checkTime(t, s, events)
			})
		})
	}
}

// TestAllArePlayed: no transcript is only a story.
func TestAllArePlayed(t *testing.T) {
	pictures, err := drawAll(docs)
	if err != nil {
		t.Fatal(err)
	}
	for path := range pictures {
		name := strings.TrimSuffix(strings.TrimPrefix(path, docs), ".svg")
		if !slices.ContainsFunc(plays, func(p play) bool { return p.name == name }) {
			t.Errorf("%s is not played", name)
		}
	}
}

func (p play) run() []event {
	tape := &tape{start: time.Now()}
	a, b := connect(tape)
	done := make(chan struct{}, 2)
	for _, side := range []struct {
		*end
		plays func(*end) error
	}{{a, p.initiator}, {b, p.responder}} {
		go func() {
			if err := side.plays(side.end); err != nil {
				tape.record(event{kind: failure, from: side.role, text: "error: " + cause(err).Error()})
			}
			done <- struct{}{}
		}()
	}
	<-done
	<-done
	time.Sleep(time.Minute) // of fake time, in which the linger ends
	return tape.all()
}

// describe writes down what a transcript can tell, a line for each event.
func describe(events []event) (lines []string) {
	var last time.Duration
	for _, e := range events {
		if e.at-last > time.Second {
			lines = append(lines, fmt.Sprintf("silence, %.0f s", (e.at-last).Seconds()))
		}
		last = e.at
		lines = append(lines, describeOne(e.from, e.kind, e.text, e.bytes, e.lost))
	}
	return lines
}

func (s *scene) describe() (lines []string) {
	for _, e := range s.steps {
		switch e.kind {
		case silence:
			before, _, _ := strings.Cut(e.text, ":")
			lines = append(lines, before)
		case flight, fin, reset, handler, failure, wound:
			lines = append(lines, describeOne(e.from, e.kind, e.text, e.bytes(), e.lost))
		}
	}
	return lines
}

func describeOne(from multiselect.Role, kind stepKind, text string, bytes []byte, lost bool) string {
	if kind == flight {
		text = fmt.Sprintf("%q", bytes)
	}
	if lost {
		text += " lost"
	}
	return from.String() + ": " + text
}

// bytes returns what a flight is on the wire.
func (e step) bytes() (b []byte) {
	for _, l := range e.lines {
		b = l.AppendBytes(b)
	}
	return b
}

// checkTime checks that the picture has the round trips that were measured, and
// that what crosses there has crossed.
func checkTime(t *testing.T, s *scene, events []event) {
	t.Helper()
	events = slices.DeleteFunc(events, func(e event) bool { return e.kind != flight })
	steps := slices.DeleteFunc(slices.Clone(s.steps), func(e step) bool { return e.kind != flight })
	var heard time.Duration // when the initiator has heard the last answer
	for i, e := range events {
		if i > 0 && i < len(steps) {
			crossed := e.from != events[i-1].from && e.at < events[i-1].at+latency
			if crossed != steps[i].meanwhile {
				t.Errorf("flight %d has crossed the one before: %t", i+1, crossed)
			}
		}
		if e.from == multiselect.Responder && !e.lost {
			heard = e.at + latency
		}
	}
	if len(events) > 0 {
		heard -= events[0].at // a lazy Read waits 1 ms for a Write before it sends
	}
	if n := len(s.roundTrips()); n > 0 && heard != time.Duration(n)*2*latency {
		t.Errorf("%d round trips are drawn, and %v were measured at %v each", n, heard, 2*latency)
	}
}

// cause returns which of the errors that have a name err is.
func cause(err error) error {
	for _, known := range []error{
		multiselect.ErrGaveUp, multiselect.ErrNotSupported, multiselect.ErrNotMultistream,
		multiselect.ErrUnexpectedAnswer, multiselect.ErrMalformed, multiselect.ErrTooLarge, os.ErrDeadlineExceeded,
	} {
		if errors.Is(err, known) {
			return known
		}
	}
	return err
}
