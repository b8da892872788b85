package main

import (
	"io"
	"time"
)

// scripted is a connection without a cost of its own: Read returns the script again and
// again, and Write discards. So it shows the cost of one side alone.
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

// newSolo returns a contender that runs one side of a negotiation. The script is the bytes
// of the other side.
func newSolo(name string, script [][]byte, prepare func(io.ReadWriteCloser) func() error) contender {
	s := new(scripted)
	for _, flight := range script {
		s.script = append(s.script, flight...)
	}
	negotiate := prepare(s)
	return contender{name: name, run: func(n int) (time.Duration, error) {
		begin := time.Now()
		err := repeat(n, negotiate, s)
		return time.Since(begin), err
	}}
}

func soloInitiator(i implementation, s scenario) contender {
	_, answers := s.flights()
	return newSolo(i.name, answers, i.initiate(s))
}

func soloResponder(i implementation, s scenario) contender {
	asks, _ := s.flights()
	return newSolo(i.name, asks, i.respond(s))
}

// soloImplementations are those whose roles are measured alone.
var soloImplementations = []implementation{floor, ours, oursNoLimit, goms}

// raceSolo compares each role of all soloImplementations.
func raceSolo(rounds int) (initiators, responders results, err error) {
	var initiating, responding []contender
	for _, i := range soloImplementations {
		initiating = append(initiating, soloInitiator(i, oneLength))
		responding = append(responding, soloResponder(i, oneLength))
	}
	if initiators, err = race(rounds, initiating); err != nil {
		return nil, nil, err
	}
	responders, err = race(rounds, responding)
	return initiators, responders, err
}
