package otelmultiselect

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/wire"
)

// negotiation is what is known of a call between Begin and Done. The library
// calls its hooks one after the other.
type negotiation struct {
	telemetry *Telemetry
	ctx       context.Context

	span                     trace.Span
	began                    time.Time
	bytesSent, bytesReceived int
	roundTrips               int
	waiting                  bool // this side has said something and has not heard since

	asked   []string                  // questions of the initiator without an answer
	refused []string                  // the first that were answered "na"
	heard   map[multiselect.Role]bool // whose first message has passed
}

// mostRefused is how many names a span has.
const mostRefused = 16

func (n *negotiation) begin(role multiselect.Role) {
	*n = negotiation{telemetry: n.telemetry, ctx: n.ctx, began: time.Now(), heard: make(map[multiselect.Role]bool)}
	kind := trace.SpanKindClient
	if role == multiselect.Responder {
		kind = trace.SpanKindServer
	}
	_, n.span = n.telemetry.tracer.Start(n.ctx, "multiselect.negotiate",
		trace.WithSpanKind(kind), trace.WithAttributes(roleKey.String(role.String())))
	n.telemetry.halfOpen.Add(n.ctx, 1, metric.WithAttributes(roleKey.String(role.String())))
}

func (n *negotiation) sent(role multiselect.Role, flight []byte) {
	n.bytesSent += len(flight)
	n.waiting = true
	n.read(role, role, flight)
}

func (n *negotiation) received(role multiselect.Role, message []byte) {
	n.bytesReceived += len(message)
	if n.waiting {
		n.roundTrips++
		n.waiting = false
	}
	n.read(role, role.Peer(), message)
}

// read finds out which proposals were refused: answers come in the order of the
// questions. What is no message ends the negotiation, and is none of either.
func (n *negotiation) read(role, from multiselect.Role, messages []byte) {
	for len(messages) > 0 {
		text, size, err := wire.ConsumeMessage(messages, wire.MaxList)
		if err != nil || size == 0 {
			return
		}
		messages = messages[size:]
		first := !n.heard[from]
		n.heard[from] = true
		switch {
		case first && string(text) == wire.Header:
		case from == multiselect.Initiator:
			n.asked = append(n.asked, readable(string(text)))
		case len(n.asked) > 0:
			question := n.asked[0]
			n.asked = n.asked[1:]
			if string(text) == wire.NA && question != wire.LS {
				n.refuse(role, question)
			}
		}
	}
}

func (n *negotiation) refuse(role multiselect.Role, protocol string) {
	if len(n.refused) < mostRefused {
		n.refused = append(n.refused, protocol)
	}
	t := n.telemetry
	t.refused.Add(n.ctx, 1, metric.WithAttributes(roleKey.String(role.String()), protocolKey.String(t.name(protocol))))
}

func (n *negotiation) done(o multiselect.Outcome) {
	if n.span == nil {
		return // the context was made between the two
	}
	t := n.telemetry
	role := roleKey.String(o.Role.String())
	outcome := outcomeKey.String(outcomeOf(o))
	blame := blameKey.String(blameOf(o.Err).String())
	own := metric.WithAttributes(role)
	t.halfOpen.Add(n.ctx, -1, own)

	counted := []attribute.KeyValue{role, outcome, blame}
	if o.Protocol != "" {
		counted = append(counted, protocolKey.String(t.name(o.Protocol)))
	}
	t.negotiations.Add(n.ctx, 1, metric.WithAttributes(counted...))
	t.duration.Record(n.ctx, time.Since(n.began).Seconds(), metric.WithAttributes(role, outcome))
	t.roundTrips.Record(n.ctx, int64(n.roundTrips), own)
	t.proposals.Record(n.ctx, int64(o.Proposals), own)
	t.bytes.Record(n.ctx, int64(n.bytesSent), metric.WithAttributes(role, directionKey.String("sent")))
	t.bytes.Record(n.ctx, int64(n.bytesReceived), metric.WithAttributes(role, directionKey.String("received")))
	n.end(o, outcome, blame)
}

// end ends the span.
func (n *negotiation) end(o multiselect.Outcome, outcome, blame attribute.KeyValue) {
	n.span.SetAttributes(
		outcome, blame,
		attribute.Int("multiselect.proposals", o.Proposals),
		attribute.Int("multiselect.round_trips", n.roundTrips),
		attribute.Int("multiselect.bytes_sent", n.bytesSent),
		attribute.Int("multiselect.bytes_received", n.bytesReceived),
	)
	if o.Protocol != "" {
		n.span.SetAttributes(protocolKey.String(readable(o.Protocol)))
	}
	if len(n.refused) > 0 {
		n.span.SetAttributes(attribute.StringSlice("multiselect.refused", n.refused))
	}
	if o.WriteErr != nil {
		n.span.SetAttributes(attribute.String("multiselect.unheard", o.WriteErr.Error()))
	}
	if isFailure(o.Err) {
		n.span.SetStatus(codes.Error, o.Err.Error())
	}
	n.span.End()
	n.span = nil
}
