package main

import (
	"io"
	"time"
)

// scripted is a connection that costs nothing: what is read from it is always
// the same script, what is written is dropped. It shows what one side costs by
// itself, and nothing else.
type scripted struct {
	script []byte
	at     int
}

func (s *scripted) Read(p []byte) (int, error) {
	n := copy(p, s.script[s.at:])
	if s.at += n; s.at == len(s.script) {
		s.at = 0
	}
	return n, nil
}

func (s *scripted) Write(p []byte) (int, error) { return len(p), nil }
func (s *scripted) Close() error                { return nil }

var _ io.ReadWriteCloser = (*scripted)(nil)

// alone times one side of a talk, given what the other one would say.
func alone(name string, script [][]byte, serve func(io.ReadWriteCloser) func() error) contender {
	s := new(scripted)
	for _, flight := range script {
		s.script = append(s.script, flight...)
	}
	negotiate := serve(s)
	return contender{name: name, run: func(n int) (time.Duration, error) {
		begin := time.Now()
		err := repeat(n, negotiate, s)
		return time.Since(begin), err
	}}
}

// initiatorAlone and responderAlone time one role of a speaker.
func initiatorAlone(s speaker, t talk) contender {
	_, answers := t.flights()
	return alone(s.name, answers, s.initiate(t))
}

func responderAlone(s speaker, t talk) contender {
	asks, _ := t.flights()
	return alone(s.name, asks, s.respond(t))
}

// aloneSpeakers are those whose sides are timed alone. A new one is one entry.
var aloneSpeakers = []speaker{floor, oursFree, ours, goms}

// raceAlone compares the two roles of all speakers.
func raceAlone(rounds int) (initiators, responders results, err error) {
	var asking, answering []contender
	for _, s := range aloneSpeakers {
		asking = append(asking, initiatorAlone(s, oneLength))
		answering = append(answering, responderAlone(s, oneLength))
	}
	if initiators, err = race(rounds, asking); err != nil {
		return nil, nil, err
	}
	responders, err = race(rounds, answering)
	return initiators, responders, err
}
