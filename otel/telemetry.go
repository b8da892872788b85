// Package otelmultiselect tells OpenTelemetry about multistream-select
// negotiations: a span for each, and metrics of all of them. It works through the
// hooks of [multiselect.Trace] and needs OpenTelemetry's API only; what becomes
// of spans and metrics is the business of the providers.
//
//	telemetry, err := otelmultiselect.New(otelmultiselect.Options{})
//	...
//	err = muxer.Handle(telemetry.Context(ctx), stream)
//
// A span is named "multiselect.negotiate", and is a child of the span in the
// context. Names that peers choose become attributes of metrics only up to a
// limit, see [Options].
//
// The metrics, all of them with the attribute multiselect.role (initiator or
// responder):
//
//	multiselect.negotiations            counter    outcome, blame, protocol
//	multiselect.negotiation.duration    histogram  seconds; outcome
//	multiselect.negotiation.round_trips histogram  how often this side waited for an answer
//	multiselect.negotiation.proposals   histogram  made on the stream, when it ended
//	multiselect.negotiation.bytes       histogram  direction: sent or received
//	multiselect.half_open               gauge      negotiations that go on now
//	multiselect.refused                 counter    protocol: what was answered "na"
package otelmultiselect

import (
	"context"
	"strings"
	"sync"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/multiselect/multiselect"
)

const scope = "github.com/multiselect/multiselect/otel"

// Options are for [New]. The zero value is good.
type Options struct {
	TracerProvider trace.TracerProvider // if nil, the global one
	MeterProvider  metric.MeterProvider // if nil, the global one

	// Names is how many names of protocols, the first that appear, have counts of
	// their own; all others together are counted as "_OTHER". Whoever may connect
	// chooses names. If zero, 64; if negative, none.
	MaxNames int
}

// Telemetry instruments any number of negotiations. It holds no goroutine and
// nothing that must be closed.
type Telemetry struct {
	tracer trace.Tracer

	negotiations metric.Int64Counter
	duration     metric.Float64Histogram
	roundTrips   metric.Int64Histogram
	proposals    metric.Int64Histogram
	bytes        metric.Int64Histogram
	halfOpen     metric.Int64UpDownCounter
	refused      metric.Int64Counter

	mu    sync.Mutex
	names map[string]bool
	most  int
}

// New fails if the provider refuses an instrument.
func New(o Options) (*Telemetry, error) {
	if o.TracerProvider == nil {
		o.TracerProvider = otel.GetTracerProvider()
	}
	if o.MeterProvider == nil {
		o.MeterProvider = otel.GetMeterProvider()
	}
	t := &Telemetry{tracer: o.TracerProvider.Tracer(scope), names: make(map[string]bool), most: o.MaxNames}
	if o.MaxNames == 0 {
		t.most = 64
	}
	return t, t.instruments(o.MeterProvider.Meter(scope))
}

func (t *Telemetry) instruments(m metric.Meter) (err error) {
	keep := func(failed error) {
		if err == nil {
			err = failed
		}
	}
	histogram := func(name, unit, description string, buckets ...float64) metric.Int64Histogram {
		h, failed := m.Int64Histogram(name, metric.WithUnit(unit), metric.WithDescription(description),
			metric.WithExplicitBucketBoundaries(buckets...))
		keep(failed)
		return h
	}
	var failed error
	t.negotiations, failed = m.Int64Counter("multiselect.negotiations",
		metric.WithUnit("{negotiation}"), metric.WithDescription("Negotiations that have ended."))
	keep(failed)
	t.refused, failed = m.Int64Counter("multiselect.refused",
		metric.WithUnit("{proposal}"), metric.WithDescription("Proposals that were answered na."))
	keep(failed)
	t.halfOpen, failed = m.Int64UpDownCounter("multiselect.half_open",
		metric.WithUnit("{negotiation}"), metric.WithDescription("Negotiations that go on now."))
	keep(failed)
	t.duration, failed = m.Float64Histogram("multiselect.negotiation.duration",
		metric.WithUnit("s"), metric.WithDescription("How long negotiations took."),
		metric.WithExplicitBucketBoundaries(.0001, .0005, .001, .005, .01, .05, .1, .25, .5, 1, 2.5, 5, 10))
	keep(failed)
	t.roundTrips = histogram("multiselect.negotiation.round_trips", "{round_trip}",
		"How often this side had said something and waited for what the peer says to it.", 0, 1, 2, 3, 4, 6, 8, 16)
	t.proposals = histogram("multiselect.negotiation.proposals", "{proposal}",
		"Proposals on the stream when the negotiation ended.", 0, 1, 2, 3, 4, 8, 16, 32, 64, 128)
	t.bytes = histogram("multiselect.negotiation.bytes", "By",
		"Bytes of negotiation, each way.", 32, 64, 128, 256, 512, 1024, 4096, 16384, 65536)
	return err
}

// Context returns a context for the negotiations of one stream, one after the
// other; the handler of a protocol may negotiate in it again. Each concurrent
// negotiation needs one of its own. The hooks that ctx has are called, too.
func (t *Telemetry) Context(ctx context.Context) context.Context {
	n := &negotiation{telemetry: t, ctx: ctx}
	return multiselect.WithTrace(ctx, &multiselect.Trace{Begin: n.begin, Sent: n.sent, Received: n.received, Done: n.done})
}

// other is what OpenTelemetry's conventions call all that has no name of its own.
const other = "_OTHER"

// longestName is how many bytes of a name an attribute has.
const longestName = 128

// name returns what a protocol is called in metrics.
func (t *Telemetry) name(protocol string) string {
	protocol = readable(protocol)
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.names[protocol] {
		if len(t.names) >= t.most {
			return other
		}
		t.names[protocol] = true
	}
	return protocol
}

// readable returns a name of which attributes can be made.
func readable(name string) string {
	return strings.ToValidUTF8(name[:min(len(name), longestName)], "\uFFFD")
}

// The attributes.
var (
	roleKey      = attribute.Key("multiselect.role")
	outcomeKey   = attribute.Key("multiselect.outcome")
	blameKey     = attribute.Key("multiselect.blame")
	protocolKey  = attribute.Key("multiselect.protocol")
	directionKey = attribute.Key("multiselect.direction")
)
