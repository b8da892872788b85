package otelmultiselect

import (
	"context"
	"errors"
	"net"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/wire"
)

// negotiation is the state of a call between Begin and Done. The library calls its hooks
// one after the other, so it needs no lock.
type negotiation struct {
	telemetry *Telemetry
	ctx       context.Context

	role                     multiselect.Role
	span                     trace.Span // nil until start
	began                    time.Time
	bytesSent, bytesReceived int
	roundTrips               int
	waiting                  bool // for the first message since this side's last flight

	questions []string                  // of the initiator, not answered yet
	refused   []string                  // the first maxRefused names that were answered "na"
	started   map[multiselect.Role]bool // the roles whose first message has passed
}

// maxRefused is the maximum number of refused names in a span.
const maxRefused = 16

// begin starts a responder. An initiator starts with its first flight: a lazy stream can wait in a
// pool, and may never be used.
func (n *negotiation) begin(role multiselect.Role) {
	*n = negotiation{telemetry: n.telemetry, ctx: n.ctx, role: role, began: time.Now(), started: make(map[multiselect.Role]bool)}
	if role == multiselect.Responder {
		n.start()
	}
}

// start starts the span and counts the negotiation as half-open. It reports false if the context
// was created after Begin.
func (n *negotiation) start() bool {
	if n.span != nil || n.role == 0 {
		return n.span != nil
	}
	kind := trace.SpanKindClient
	if n.role == multiselect.Responder {
		kind = trace.SpanKindServer
	}
	role := roleKey.String(n.role.String())
	_, n.span = n.telemetry.tracer.Start(n.ctx, "multiselect.negotiate",
		trace.WithSpanKind(kind), trace.WithAttributes(role), trace.WithTimestamp(n.began))
	n.telemetry.halfOpen.Add(n.ctx, 1, metric.WithAttributes(role))
	return true
}

func (n *negotiation) recordFlight(role multiselect.Role, flight []byte) {
	if n.span == nil {
		n.began = time.Now()
		n.start()
	}
	n.bytesSent += len(flight)
	n.waiting = true
	n.matchAnswers(role, role, flight)
}

func (n *negotiation) recordMessage(role multiselect.Role, message []byte) {
	n.bytesReceived += len(message)
	if n.waiting {
		n.roundTrips++
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
			n.questions = append(n.questions, attributeText(string(text)))
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
	if len(n.refused) < maxRefused {
		n.refused = append(n.refused, protocol)
	}
	t := n.telemetry
	group := ownNames
	if role == multiselect.Responder {
		group = refusedNames
	}
	t.refused.Add(n.ctx, 1, metric.WithAttributes(roleKey.String(role.String()), protocolKey.String(t.metricName(group, protocol))))
}

func (n *negotiation) end(o multiselect.Outcome) {
	if n.span == nil && errors.Is(o.Err, net.ErrClosed) || !n.start() {
		return // a lazy stream that was closed unused
	}
	t := n.telemetry
	role := roleKey.String(o.Role.String())
	outcome := outcomeKey.String(outcomeOf(o))
	blame := blameKey.String(blameOf(o.Err).String())
	roleOnly := metric.WithAttributes(role)
	t.halfOpen.Add(n.ctx, -1, roleOnly)

	labels := []attribute.KeyValue{role, outcome, blame}
	if o.Protocol != "" {
		group := ownNames
		if o.Role == multiselect.Responder {
			group = agreedNames
		}
		labels = append(labels, protocolKey.String(t.metricName(group, o.Protocol)))
	}
	t.negotiations.Add(n.ctx, 1, metric.WithAttributes(labels...))
	t.duration.Record(n.ctx, time.Since(n.began).Seconds(), metric.WithAttributes(role, outcome))
	t.roundTrips.Record(n.ctx, int64(n.roundTrips), roleOnly)
	t.proposals.Record(n.ctx, int64(o.Proposals), roleOnly)
	t.bytes.Record(n.ctx, int64(n.bytesSent), metric.WithAttributes(role, directionKey.String("sent")))
	t.bytes.Record(n.ctx, int64(n.bytesReceived), metric.WithAttributes(role, directionKey.String("received")))
	n.endSpan(o, outcome, blame)
}

func (n *negotiation) endSpan(o multiselect.Outcome, outcome, blame attribute.KeyValue) {
	n.span.SetAttributes(
		outcome, blame,
		attribute.Int("multiselect.proposals", o.Proposals),
		attribute.Int("multiselect.round_trips", n.roundTrips),
		attribute.Int("multiselect.bytes_sent", n.bytesSent),
		attribute.Int("multiselect.bytes_received", n.bytesReceived),
	)
	if o.Protocol != "" {
		n.span.SetAttributes(protocolKey.String(attributeText(o.Protocol)))
	}
	if len(n.refused) > 0 {
		n.span.SetAttributes(attribute.StringSlice("multiselect.refused", n.refused))
	}
	if o.WriteErr != nil {
		n.span.SetAttributes(attribute.String("multiselect.write_error", o.WriteErr.Error()))
	}
	if isFailure(o.Err) {
		n.span.SetStatus(codes.Error, o.Err.Error())
	}
	n.span.End()
	n.span, n.role = nil, 0
}
