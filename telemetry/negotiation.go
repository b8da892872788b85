package telemetry

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/wire"
)

// Negotiation is the result of one negotiation, for a span.
type Negotiation struct {
	multiselect.Outcome
	Labels       Labels   // Role, Outcome and Blame
	Agreed       string   // the agreed protocol, cut to 128 bytes of valid UTF-8
	Sent         int      // bytes in this negotiation; Outcome counts those on the stream
	Received     int      // bytes in this negotiation
	RoundTrips   int      // waits of this side for the peer after a flight of its own
	RefusedNames []string // the first 16 names that were answered "na", cut like Agreed
}

// maxRefused is the maximum number of names in RefusedNames.
const maxRefused = 16

// negotiation is the state of a call between Begin and Done. The library calls its hooks
// one after the other, so it needs no lock.
type negotiation struct {
	recorder *Recorder
	ctx      context.Context

	role    multiselect.Role // 0 before Begin and after Done
	running bool             // measured as half-open
	began   time.Time
	finish  func(Negotiation) // or nil
	result  Negotiation
	waiting bool // for the first message since this side's last flight

	questions []string                  // of the initiator, not answered yet
	started   map[multiselect.Role]bool // the roles whose first message has passed
}

// begin starts a responder. An initiator starts with its first flight: a lazy stream can wait in a
// pool, and may never be used.
func (n *negotiation) begin(role multiselect.Role) {
	*n = negotiation{
		recorder: n.recorder, ctx: n.ctx, role: role, began: time.Now(),
		started: make(map[multiselect.Role]bool),
	}
	if role == multiselect.Responder {
		n.start()
	}
}

func (n *negotiation) start() {
	n.running = true
	if n.recorder.Begin != nil {
		n.finish = n.recorder.Begin(n.ctx, n.role)
	}
	n.measure(HalfOpen, 1, Labels{Role: n.role.String()})
}

func (n *negotiation) measure(m *Metric, value float64, labels Labels) {
	if n.recorder.Measure != nil {
		n.recorder.Measure(n.ctx, m, value, labels)
	}
}

func (n *negotiation) recordFlight(role multiselect.Role, flight []byte) {
	if !n.running && n.role != 0 {
		n.began = time.Now()
		n.start()
	}
	n.result.Sent += len(flight)
	n.waiting = true
	n.matchAnswers(role, role, flight)
}

func (n *negotiation) recordMessage(role multiselect.Role, message []byte) {
	n.result.Received += len(message)
	if n.waiting {
		n.result.RoundTrips++
		n.waiting = false
	}
	n.matchAnswers(role, role.Peer(), message)
}

// matchAnswers matches answers with questions, which have the same order, and records the
// refusals. It ignores bytes that are no message: they end the negotiation.
func (n *negotiation) matchAnswers(role, from multiselect.Role, messages []byte) {
	for len(messages) > 0 {
		text, size, err := wire.ConsumeMessage(messages, wire.MaxList)
		if err != nil || size == 0 {
			return
		}
		messages = messages[size:]
		first := !n.started[from]
		n.started[from] = true
		switch {
		case first && string(text) == wire.Header:
		case from == multiselect.Initiator:
			n.questions = append(n.questions, labelText(string(text)))
		case len(n.questions) > 0:
			question := n.questions[0]
			n.questions = n.questions[1:]
			if string(text) == wire.NA && question != wire.LS {
				n.recordRefusal(role, question)
			}
		}
	}
}

func (n *negotiation) recordRefusal(role multiselect.Role, protocol string) {
	if len(n.result.RefusedNames) < maxRefused {
		n.result.RefusedNames = append(n.result.RefusedNames, protocol)
	}
	group := ownNames
	if role == multiselect.Responder {
		group = refusedNames
	}
	n.measure(Refused, 1, Labels{Role: role.String(), Protocol: n.recorder.protocolLabel(group, protocol)})
}

func (n *negotiation) end(o multiselect.Outcome) {
	switch {
	case n.running:
	case n.role == 0: // the context was created after Begin
		return
	case errors.Is(o.Err, net.ErrClosed): // a lazy stream that was closed unused
		return
	default: // an agreement by ALPN, or a failure before the first flight
		n.start()
	}
	n.running, n.role = false, 0
	result := n.result
	result.Outcome = o
	result.Agreed = labelText(o.Protocol)
	result.Labels = Labels{Role: o.Role.String(), Outcome: outcomeOf(o), Blame: blameOf(o.Err).String()}

	role, outcome := result.Labels.Role, result.Labels.Outcome
	n.measure(HalfOpen, -1, Labels{Role: role})
	ended := result.Labels
	group := ownNames
	if o.Role == multiselect.Responder {
		group = agreedNames
	}
	ended.Protocol = n.recorder.protocolLabel(group, o.Protocol)
	n.measure(Negotiations, 1, ended)
	n.measure(Duration, time.Since(n.began).Seconds(), Labels{Role: role, Outcome: outcome})
	n.measure(RoundTrips, float64(result.RoundTrips), Labels{Role: role})
	n.measure(Proposals, float64(o.Proposals), Labels{Role: role})
	n.measure(Bytes, float64(result.Sent), Labels{Role: role, Direction: "sent"})
	n.measure(Bytes, float64(result.Received), Labels{Role: role, Direction: "received"})
	if n.finish != nil {
		n.finish(result)
	}
}
