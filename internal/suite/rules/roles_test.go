package rules_test

import (
	"errors"
	"slices"

	"github.com/multiselect/multiselect/internal/rules"
	"github.com/multiselect/multiselect/wire"
)

// Both roles, with the functions of this package and the codec alone: no goroutine, no
// stream, no clock. They take turns, and each goes on until it needs bytes that have not
// been sent.

// limits are those of one side.
type limits struct{ message, proposals, bytes, lists, listNames, listBytes int }

func defaults() limits { return limits{1024, 128, 64 << 10, 8, 1000, 64 << 10} }

// side is the part that the two roles share.
type side struct {
	rules.State
	limits
	incoming, outgoing *[]byte // on the way
	pending, queued    []byte
	flights            *[]string
	arrow              string

	agreed string
	fault  rules.Fault
	err    error // of the codec, or one of those below
}

var (
	errHeader  = errors.New("no header")
	errRefused = errors.New("everything was refused")
	errAnswer  = errors.New("unexpected answer")
)

func (s *side) hasEnded() bool { return s.agreed != "" || s.fault != rules.NoFault || s.err != nil }

// queue queues a message, after the header if that was not sent (R1).
func (s *side) queue(message ...byte) {
	s.queueHeader()
	s.queued = append(s.queued, message...)
}

func (s *side) queueHeader() {
	if !s.HeaderSent {
		s.HeaderSent = true
		s.queued = append(s.queued, wire.HeaderFrame...)
	}
}

func (s *side) flush() {
	if s.HeaderReceived {
		s.queueHeader()
	}
	if len(s.queued) > 0 {
		*s.outgoing = append(*s.outgoing, s.queued...)
		*s.flights = append(*s.flights, s.arrow+string(s.queued))
		s.queued = nil
	}
}

// next returns the text of the next message. It reports false if the side has to wait.
func (s *side) next(limit, shortest int) (text string, ok bool) {
	for {
		if !s.HeaderReceived && !rules.CanBeHeader(s.pending) {
			s.err = errHeader
			return "", false
		}
		if !s.HeaderReceived && len(s.pending) >= len(wire.HeaderFrame) {
			s.HeaderReceived = true
			s.pending = s.pending[len(wire.HeaderFrame):]
		}
		if s.HeaderReceived {
			message, n, err := wire.ConsumeMessage(s.pending, limit)
			if s.err = err; err != nil || n > 0 {
				s.pending = s.pending[n:]
				return string(message), err == nil
			}
		}
		if rules.MustFlush(len(s.pending), len(s.queued)) {
			s.flush()
		}
		n := min(rules.Readable(s.pending, !s.HeaderReceived, shortest, limit), len(*s.incoming))
		if n == 0 {
			return "", false
		}
		s.pending = append(s.pending, (*s.incoming)[:n]...)
		*s.incoming = (*s.incoming)[n:]
	}
}

type initiator struct {
	side
	questions []string // names and "ls"
	asked     bool     // the first of them
	list      []string
}

func (i *initiator) step() {
	for !i.hasEnded() {
		switch {
		case len(i.questions) == 0:
			i.err = errRefused
			return
		case !i.asked:
			i.ask()
			continue
		}
		question := i.questions[0]
		limit, shortest := i.message, wire.MessageSize(len(question))
		if question == wire.LS {
			limit, shortest = i.listBytes, 2
		}
		text, ok := i.next(limit, shortest)
		if !ok {
			return
		}
		i.questions, i.asked = i.questions[1:], false
		i.judge(text, question)
	}
}

func (i *initiator) ask() {
	i.asked = true
	question := wire.AppendMessage(nil, i.questions[0])
	if i.questions[0] == wire.LS {
		i.fault = i.Ask(len(question), len(i.pending), i.bytes)
	} else {
		i.fault = i.Propose(len(question), len(i.pending), i.proposals, i.bytes)
	}
	if i.fault == rules.NoFault {
		i.queue(question...)
	}
}

func (i *initiator) judge(text, question string) {
	if question == wire.LS {
		var list wire.List
		list, _, i.err = rules.JudgeList([]byte(text), i.listNames)
		i.list = list.Names
		return
	}
	if i.fault = i.Receive(wire.MessageSize(len(text)), i.bytes); i.fault != rules.NoFault {
		return
	}
	switch rules.Judge([]byte(text), question) {
	case rules.Agreed:
		i.agreed = text
	case rules.Violated:
		i.err = errAnswer
	}
}

type responder struct {
	side
	serves []string // sorted
}

func (r *responder) step() {
	shortest := 3
	if len(r.serves) > 0 {
		shortest = wire.MessageSize(len(slices.MinFunc(r.serves, func(a, b string) int { return len(a) - len(b) })))
	}
	for !r.hasEnded() {
		text, ok := r.next(r.message, shortest)
		if !ok {
			return
		}
		r.answer(text)
	}
	if r.agreed != "" {
		r.flush()
	}
}

func (r *responder) answer(text string) {
	if r.fault = r.Receive(wire.MessageSize(len(text)), r.bytes); r.fault != rules.NoFault {
		return
	}
	reply := rules.ReplyTo([]byte(text), slices.Contains(r.serves, text), len(r.pending) > 0, r.MayList(r.lists))
	if reply == rules.ReplyList {
		fits := rules.ListFits(len(r.serves), wire.ListSize(r.serves), r.listNames, r.listBytes)
		if r.AnswerList(fits); fits {
			r.queue(wire.AppendList(nil, r.serves)...)
		} else {
			r.queue([]byte(rules.NAFrame)...)
		}
		return
	}
	if r.fault = r.Answer(reply, r.proposals, r.bytes); r.fault != rules.NoFault {
		return
	}
	if reply == rules.ReplyEcho {
		r.queue(wire.AppendMessage(nil, text)...)
		r.agreed = text
	} else {
		r.queue([]byte(rules.NAFrame)...)
	}
}

// pair returns both roles, connected.
func pair(flights *[]string, questions, serves []string) (*initiator, *responder) {
	var there, back []byte
	return &initiator{side{limits: defaults(), incoming: &back, outgoing: &there, flights: flights, arrow: "> "}, questions, false, nil},
		&responder{side{limits: defaults(), incoming: &there, outgoing: &back, flights: flights, arrow: "< "}, serves}
}
