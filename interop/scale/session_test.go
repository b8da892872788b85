package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/multiselect/multiselect"
)

// session is one negotiation: its streams, one after the other, each with a
// responder that negotiates and then takes the payload.
type session struct {
	muxer    *multiselect.Muxer
	distance distance
	payload  []byte // nil if it is not sent
	begin    time.Time
	streams  []*stream
	running  sync.WaitGroup
}

// stream has what the responder saw, and when.
type stream struct {
	conn   *conn // the initiator's end
	heard  string
	err    error
	knew   time.Duration
	served time.Duration // the payload, 0 if it was not
}

// observed is what a negotiation took.
type observed struct {
	cost
	time      time.Duration // until the payload left that was served, or could
	knew      time.Duration // until the initiator knew
	responder time.Duration // until the responder did
}

func newSession(m *multiselect.Muxer, x distance, payload []byte) *session {
	return &session{muxer: m, distance: x, payload: payload, begin: time.Now()}
}

func (s *session) open() net.Conn {
	initiator, responder := connect(s.distance)
	x := &stream{conn: initiator}
	s.streams = append(s.streams, x)
	s.running.Go(func() {
		x.heard, _, x.err = s.muxer.Negotiate(context.Background(), responder)
		x.knew = time.Since(s.begin)
		if x.err == nil && s.payload != nil {
			x.err = s.serve(responder)
			x.served = time.Since(s.begin)
		}
	})
	return initiator
}

// serve takes the payload.
func (s *session) serve(responder io.Reader) error {
	served := make([]byte, len(s.payload))
	if _, err := io.ReadFull(responder, served); err != nil {
		return fmt.Errorf("the payload: %w", err)
	}
	if !bytes.Equal(served, s.payload) {
		return fmt.Errorf("served %q, want %q", served, s.payload)
	}
	return nil
}

// end ends the session at the moment when the initiator knows the outcome. What
// it returns has the payload among the bytes.
func (s *session) end() (o observed) {
	o.knew = time.Since(s.begin)
	for _, x := range s.streams {
		x.conn.Close() // behind what was sent
	}
	s.running.Wait()
	last := s.streams[len(s.streams)-1]
	o.responder = last.knew
	o.time = o.knew
	left := s.begin.Add(o.knew)
	if last.served > 0 {
		o.time = last.served - s.distance.there - time.Duration(len(s.payload))*s.distance.perByte
		left = last.conn.out.lastSent()
	}
	for _, x := range s.streams {
		x.conn.out.count(&o.out, time.Time{})
		o.roundTrips += x.conn.in.count(&o.in, left)
	}
	return o
}

// outcome is what the responder says of the last stream. All before it were
// given up.
func (s *session) outcome() (heard string, err error) {
	for _, x := range s.streams {
		heard = x.heard
		if err = x.err; x != s.streams[len(s.streams)-1] && !errors.Is(err, multiselect.ErrGaveUp) {
			return "", fmt.Errorf("a refused stream: agreed on %q, %v", heard, err)
		}
	}
	return heard, err
}
