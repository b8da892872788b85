package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/transcript"
	"github.com/multiselect/multiselect/wire"
)

// scene is what a transcript tells.
type scene struct {
	title string
	about string // the text below the title
	steps []step
	words string // the transcript without these two
}

// step is something that happens at one side, or that one side sends.
type step struct {
	kind      stepKind
	from      multiselect.Role
	text      string                // what happens
	lines     transcript.Transcript // of a flight
	parts     []part                // of a flight
	meanwhile bool                  // leaves before the flight above has arrived
	lost      bool                  // leaves and does not arrive
}

type stepKind uint8

const (
	flight   stepKind = iota // what was sent in one write
	fin                      // the end of one direction
	reset                    // the end of the stream
	silence                  // time passes
	handler                  // the protocol begins
	failure                  // a call returns an error
	wound                    // what should not happen
	happened                 // anything else that a side does
)

// travels reports whether the step is an arrow.
func (k stepKind) travels() bool { return k <= reset }

// part is a message of a flight, or bytes that are none.
type part struct {
	kind  partKind
	texts []string // several in an answer to "ls"
	note  string   // what the transcript says about it
}

type partKind uint8

const (
	header   partKind = iota
	proposal          // of the initiator
	echo              // what was proposed, said back
	refusal           // "na"
	list              // "ls" and its answer
	early             // of a protocol that is not agreed yet
	data              // of the protocol that was agreed
	strange           // what has no place in a negotiation
)

// events are the words that have a meaning at the beginning of what a side does.
var events = []struct {
	word string
	kind stepKind
}{
	{"FIN", fin},
	{"reset", reset},
	{"silence", silence},
	{"handler ", handler},
	{"error: ", failure},
	{"wound: ", wound},
}

func readScene(text []byte) (*scene, error) {
	t, err := transcript.Parse(text)
	if err != nil {
		return nil, err
	}
	s := new(scene)
	for len(t) > 0 && t[0].Kind == transcript.KindComment && !isEvent(t[0].Comment) {
		if s.title == "" {
			s.title = t[0].Comment
		} else {
			s.about = strings.TrimSpace(s.about + " " + t[0].Comment)
		}
		t = t[1:]
	}
	if s.title == "" || s.about == "" {
		return nil, errors.New("no title, or no text below it")
	}
	s.words = t.String()
	if err := s.readSteps(t); err != nil {
		return nil, err
	}
	s.readParts()
	return s, nil
}

func isEvent(comment string) bool {
	_, err := readEvent(comment)
	return err == nil || comment == "meanwhile"
}

func (s *scene) readSteps(t transcript.Transcript) error {
	meanwhile := false
	for i, l := range t {
		if l.Kind != transcript.KindComment {
			starts := i == 0 || t[i-1].From != l.From || l.Break
			if starts && i > 0 && t[i-1].Kind == transcript.KindComment && !l.Break && s.lastSender() == l.From {
				return fmt.Errorf("%q: a comment within a flight", t[i-1].Comment)
			}
			if starts {
				s.steps = append(s.steps, step{from: l.From, meanwhile: meanwhile})
				meanwhile = false
			}
			f := &s.steps[len(s.steps)-1]
			f.lines = append(f.lines, l)
			f.lost = f.lost || l.Comment == "lost"
			continue
		}
		if l.Comment == "meanwhile" {
			if len(s.steps) == 0 || s.steps[len(s.steps)-1].kind != flight {
				return errors.New("nothing is on its way meanwhile")
			}
			meanwhile = true
			continue
		}
		event, err := readEvent(l.Comment)
		if err != nil {
			return err
		}
		s.steps = append(s.steps, event)
	}
	return nil
}

func (s *scene) lastSender() multiselect.Role {
	for i := len(s.steps) - 1; i >= 0; i-- {
		if s.steps[i].kind == flight {
			return s.steps[i].from
		}
	}
	return 0
}

func readEvent(comment string) (step, error) {
	who, text, ok := strings.Cut(comment, ": ")
	e := step{kind: happened, text: text}
	switch {
	case ok && who == multiselect.Initiator.String():
		e.from = multiselect.Initiator
	case ok && who == multiselect.Responder.String():
		e.from = multiselect.Responder
	default:
		return e, fmt.Errorf("%q is not what a side does", comment)
	}
	for _, known := range events {
		if strings.HasPrefix(text, known.word) {
			e.kind = known.kind
		}
	}
	return e, nil
}

// readParts finds out what each message is.
func (s *scene) readParts() {
	proposed := make(map[string]bool)
	agreed := false
	for i := range s.steps {
		f := &s.steps[i]
		for _, l := range f.lines {
			p := part{texts: []string{l.Text}, note: l.Comment}
			switch {
			case l.Kind == transcript.KindRaw:
				p.texts[0] = strconv.Quote(l.Text)
				p.kind = rawKind(l.From, agreed, len(proposed) > 0)
			case l.Kind == transcript.KindList:
				p.kind, p.texts = list, l.Names
			case l.Text == wire.Header:
				p.kind = header
			case l.From == multiselect.Initiator && l.Text == wire.LS:
				p.kind = list
			case l.From == multiselect.Initiator || f.meanwhile:
				p.kind = proposal
				proposed[l.Text] = true
			case l.Text == wire.NA:
				p.kind = refusal
			case proposed[l.Text]:
				p.kind, agreed = echo, true
			default:
				p.kind = strange
			}
			if p.note == "" && p.kind == early {
				p.note = "early data"
			}
			f.parts = append(f.parts, p)
		}
	}
}

func rawKind(from multiselect.Role, agreed, proposed bool) partKind {
	switch {
	case agreed:
		return data
	case proposed && from == multiselect.Initiator:
		return early
	}
	return strange
}

// roundTrips returns which steps begin and end the round trips of the
// initiator: the first flight that it waits for, and the last that answers.
func (s *scene) roundTrips() (trips [][2]int) {
	asked := -1
	for i, e := range s.steps {
		switch {
		case e.kind != flight:
		case e.meanwhile:
			asked = -1
		case e.from == multiselect.Initiator && asked < 0:
			asked = i
		case e.from == multiselect.Responder && !e.lost && asked >= 0:
			if next := s.nextFlight(i); next == nil || next.from == multiselect.Initiator || next.lost {
				trips = append(trips, [2]int{asked, i})
				asked = -1
			}
		}
	}
	return trips
}

func (s *scene) nextFlight(after int) *step {
	for i := after + 1; i < len(s.steps); i++ {
		if s.steps[i].kind == flight {
			return &s.steps[i]
		}
	}
	return nil
}
