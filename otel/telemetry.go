// Package otelmultiselect records multistream-select negotiations with OpenTelemetry: a
// span for each negotiation, and metrics of all of them. It uses the hooks of
// [multiselect.Trace] and requires only the API of OpenTelemetry; the providers decide
// which spans and metrics are kept and where they are exported.
//
//	telemetry, err := otelmultiselect.New(otelmultiselect.Options{})
//	...
//	err = muxer.ServeStream(telemetry.Context(ctx), stream)
//
// Each stream needs a context of its own. A server of package netmux makes one for each connection
// that it accepts:
//
//	srv.ConnContext = func(ctx context.Context, _ net.Conn) context.Context {
//		return telemetry.Context(ctx)
//	}
//
// Only negotiations are recorded. TLS connections that agree by ALPN have none; the Stats of the
// server count these too.
//
// # Metrics
//
// All metrics have the attribute multiselect.role, "initiator" or "responder". The last
// column lists their other attributes, without the prefix "multiselect.".
//
//	multiselect.negotiations             counter             outcome, blame, protocol
//	multiselect.negotiation.duration     histogram, seconds  outcome
//	multiselect.negotiation.round_trips  histogram
//	multiselect.negotiation.proposals    histogram
//	multiselect.negotiation.bytes        histogram, bytes    direction
//	multiselect.half_open                up-down counter
//	multiselect.refused                  counter, proposals  protocol
//
// A round trip is one wait of this side for the peer, after a flight of its own. Proposals
// are those on the stream when the negotiation ended. The direction is "sent" or
// "received". Half-open is the number of negotiations in progress. Refused counts the
// proposals that were answered "na". The blame is the text of [multiselect.Blame].
//
// The outcome is one of agreed, answered (a handshake or a list, without a proposal),
// refused, gave_up, not_multistream, unexpected_answer, malformed, too_large, limit,
// timeout, canceled, misuse (a name that cannot be proposed, or an empty list), and closed
// (the peer left, or the stream failed). These words are stable.
//
// Peers choose names, so [Options.MaxNames] bounds the number of different values of
// multiselect.protocol.
//
// # Spans
//
// A span is named "multiselect.negotiate" and is a child of the span in the context. Its
// kind is client for an initiator and server for a responder. Its attributes are role,
// outcome, blame, protocol, proposals, round_trips, bytes_sent, bytes_received, refused
// (the first 16 names that were answered "na") and write_error (the reason why a
// responder's answers did not reach the peer), all with the prefix "multiselect.". Its
// status is an error if the negotiation failed; a refusal is a normal answer.
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

// Options configure [New]. The zero value is ready to use.
type Options struct {
	TracerProvider trace.TracerProvider // if nil, the global one
	MeterProvider  metric.MeterProvider // if nil, the global one

	// MaxNames is the maximum number of protocol names with metrics of their own: the
	// first ones that appear. All other names are counted as "_OTHER", so that a peer
	// cannot create any number of time series. An attribute contains at most 128 bytes of
	// a name. If zero, 64; if negative, every name is counted as "_OTHER".
	MaxNames int
}

// Telemetry records any number of negotiations. It is safe for concurrent use, starts no
// goroutine and need not be closed.
type Telemetry struct {
	tracer trace.Tracer

	negotiations metric.Int64Counter
	duration     metric.Float64Histogram
	roundTrips   metric.Int64Histogram
	proposals    metric.Int64Histogram
	bytes        metric.Int64Histogram
	halfOpen     metric.Int64UpDownCounter
	refused      metric.Int64Counter

	maxNames int

	mu    sync.Mutex
	names map[string]bool // those with metrics of their own
}

// New returns a Telemetry. It fails if the MeterProvider refuses an instrument.
func New(o Options) (*Telemetry, error) {
	if o.TracerProvider == nil {
		o.TracerProvider = otel.GetTracerProvider()
	}
	if o.MeterProvider == nil {
		o.MeterProvider = otel.GetMeterProvider()
	}
	t := &Telemetry{tracer: o.TracerProvider.Tracer(scope), names: make(map[string]bool), maxNames: o.MaxNames}
	if o.MaxNames == 0 {
		t.maxNames = 64
	}
	return t, t.createInstruments(o.MeterProvider.Meter(scope))
}

func (t *Telemetry) createInstruments(m metric.Meter) (err error) {
	recordError := func(failed error) {
		if err == nil {
			err = failed
		}
	}
	histogram := func(name, unit, description string, buckets ...float64) metric.Int64Histogram {
		h, failed := m.Int64Histogram(name, metric.WithUnit(unit), metric.WithDescription(description),
			metric.WithExplicitBucketBoundaries(buckets...))
		recordError(failed)
		return h
	}
	var failed error
	t.negotiations, failed = m.Int64Counter("multiselect.negotiations",
		metric.WithUnit("{negotiation}"), metric.WithDescription("Negotiations that have ended."))
	recordError(failed)
	t.refused, failed = m.Int64Counter("multiselect.refused",
		metric.WithUnit("{proposal}"), metric.WithDescription("Proposals that were answered na."))
	recordError(failed)
	t.halfOpen, failed = m.Int64UpDownCounter("multiselect.half_open",
		metric.WithUnit("{negotiation}"), metric.WithDescription("Negotiations in progress."))
	recordError(failed)
	t.duration, failed = m.Float64Histogram("multiselect.negotiation.duration",
		metric.WithUnit("s"), metric.WithDescription("Duration of negotiations."),
		metric.WithExplicitBucketBoundaries(.0001, .0005, .001, .005, .01, .05, .1, .25, .5, 1, 2.5, 5, 10))
	recordError(failed)
	t.roundTrips = histogram("multiselect.negotiation.round_trips", "{round_trip}",
		"Waits of this side for the peer after a flight of its own.", 0, 1, 2, 3, 4, 6, 8, 16)
	t.proposals = histogram("multiselect.negotiation.proposals", "{proposal}",
		"Proposals on the stream when the negotiation ended.", 0, 1, 2, 3, 4, 8, 16, 32, 64, 128)
	t.bytes = histogram("multiselect.negotiation.bytes", "By",
		"Bytes of negotiation in one direction.", 32, 64, 128, 256, 512, 1024, 4096, 16384, 65536)
	return err
}

// Context returns a context for the negotiations of one stream, which must run one after
// the other; the handler of a protocol may negotiate with it again. A concurrent
// negotiation needs a context of its own. Hooks that ctx already has are also called.
func (t *Telemetry) Context(ctx context.Context) context.Context {
	n := &negotiation{telemetry: t, ctx: ctx}
	return multiselect.WithTrace(ctx, &multiselect.Trace{Begin: n.begin, Sent: n.recordFlight, Received: n.recordMessage, Done: n.end})
}

// other is the value that OpenTelemetry's conventions use for all remaining names.
const other = "_OTHER"

// maxName is the maximum number of bytes of a name in an attribute.
const maxName = 128

// metricName returns the value of multiselect.protocol in metrics. It adds the name to
// those with metrics of their own while there are fewer than maxNames.
func (t *Telemetry) metricName(protocol string) string {
	protocol = attributeText(protocol)
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.names[protocol] {
		if len(t.names) >= t.maxNames {
			return other
		}
		t.names[protocol] = true
	}
	return protocol
}

// attributeText returns a name as attributes allow it: short, and valid UTF-8.
func attributeText(name string) string {
	return strings.ToValidUTF8(name[:min(len(name), maxName)], "\uFFFD")
}

// Keys of attributes that metrics and spans share.
var (
	roleKey      = attribute.Key("multiselect.role")
	outcomeKey   = attribute.Key("multiselect.outcome")
	blameKey     = attribute.Key("multiselect.blame")
	protocolKey  = attribute.Key("multiselect.protocol")
	directionKey = attribute.Key("multiselect.direction")
)
