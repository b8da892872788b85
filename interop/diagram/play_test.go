package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
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
	pictures, err := draw(docs)
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
	synctest.Wait()
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
		case flight, fin, reset, handler, failure:
			lines = append(lines, describeOne(e.from, e.kind, e.text, e.bytes(), e.lost))
		}
	}
	return lines
}

func describeOne(from wire.Role, kind stepKind, text string, bytes []byte, lost bool) string {
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
		if e.from == wire.Responder && !e.lost {
			heard = e.at + latency
		}
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

// The library as the initiator.

var client multiselect.Client

func selectOnly(protocols ...string) func(*end) error {
	return func(s *end) error {
		_, err := client.SelectOneOf(context.Background(), s, protocols...)
		return err
	}
}

func request(protocols ...string) func(*end) error {
	return func(s *end) error {
		if err := selectOnly(protocols...)(s); err != nil {
			return err
		}
		return ask(s, "hello")
	}
}

func ask(s io.ReadWriter, request string) error {
	if _, err := io.WriteString(s, request); err != nil {
		return err
	}
	_, err := io.ReadFull(s, make([]byte, len(request)))
	return err
}

func stepwise(s *end) error {
	c := multiselect.NewCommunicator(s)
	if err := client.Handshake(context.Background(), c); err != nil {
		return err
	}
	if err := client.TrySelect(context.Background(), c, "/echo/1.0.0"); err != nil {
		return err
	}
	return ask(s, "hello")
}

func listThenTime(s *end) error {
	c := multiselect.NewCommunicator(s)
	list, err := client.List(context.Background(), c)
	if err != nil {
		return err
	}
	if err := client.TrySelect(context.Background(), c, list.Names[1]); err != nil {
		return err
	}
	_, err = io.ReadFull(s, make([]byte, len(now)))
	return err
}

func listAndTry(s *end) error {
	_, err := client.ListAndTrySelect(context.Background(), multiselect.NewCommunicator(s), "/echo/1.0.0")
	if err != nil {
		return err
	}
	return ask(s, "hello")
}

// The library as the responder.

func serve(names ...string) func(*end) error {
	return func(s *end) error { return respond(new(multiselect.Muxer), s, names...) }
}

func respond(m *multiselect.Muxer, s *end, names ...string) error {
	for _, name := range names {
		h := func(_ context.Context, protocol string, stream io.ReadWriteCloser) {
			s.tape.record(event{kind: handler, from: s.role, text: "handler " + protocol})
			handlers[protocol](stream.(*end))
		}
		if err := m.AddHandler(name, h); err != nil {
			return err
		}
	}
	return m.Handle(context.Background(), s)
}

var handlers = map[string]func(*end){
	"/echo/1.0.0":   answerOne,
	"/time/1.0.0":   func(s *end) { io.WriteString(s, now) },
	"/delete/1.0.0": func(s *end) {},
	"/log/1.0.0":    func(s *end) { io.Copy(io.Discard, s); s.CloseWrite() },
}

// answerOne says one request back.
func answerOne(s *end) {
	request := make([]byte, 64)
	if n, err := s.Read(request); err == nil {
		s.Write(request[:n])
	}
}

// Peers that are not the library.

func said(messages ...string) string {
	var b []byte
	for _, m := range messages {
		b = wire.AppendMessage(b, m)
	}
	return string(b)
}

// says writes, when it has heard something or is the initiator, and reads until
// the stream is over.
func says(words string) func(*end) error {
	return func(s *end) error {
		r := bufio.NewReader(s)
		if s.role == wire.Responder {
			r.Peek(1)
		}
		if words != "" {
			if _, err := io.WriteString(s, words); err != nil {
				return err
			}
		}
		io.Copy(io.Discard, r)
		return nil
	}
}

func givesUp(s *end) error {
	if _, err := io.WriteString(s, said(wire.Header, "/echo/2.0.0")); err != nil {
		return err
	}
	if _, err := io.ReadFull(s, make([]byte, len(said(wire.Header, wire.NA)))); err != nil {
		return err
	}
	return s.CloseWrite()
}

func stopsReading(s *end) error {
	if _, err := io.WriteString(s, said(wire.Header, "/log/1.0.0")+"hello"); err != nil {
		return err
	}
	return s.Close()
}
