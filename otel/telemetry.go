// Package otelmultiselect records multistream-select negotiations with OpenTelemetry: a
// span for each negotiation, and metrics of all of them. It uses the hooks of
// [multiselect.Trace] and requires only the API of OpenTelemetry; the providers decide
// which spans and metrics are kept and where they are exported.
//
//	telemetry, err := otelmultiselect.New(otelmultiselect.Options{})
//	...
//	err = muxer.ServeStream(telemetry.Context(ctx), stream)
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
// The outcome is one of agreed, answered (a handshake or a list, without an agreement),
// refused, gave_up, not_multistream, unexpected_answer, malformed, too_large, limit,
// timeout, canceled, misuse (a name that cannot be proposed, or an empty list), and closed
// (the peer left, or the stream failed). These words are stable.
//
// Peers choose names, so [Options.MaxNames] bounds the number of different values of
// multiselect.protocol. Names that were refused do not use up those of agreements.
//
// An initiator counts from its first flight, so that a lazy stream that waits in a pool does not
// count as half-open, and one that is closed unused does not count at all.
//
// # With netmux
//
// Set ConnContext of a netmux.Server to a function that calls [Telemetry.Context], as the example
// of this package does. Each connection is then one negotiation, from Accept on: also one that
// agrees by ALPN or is served with Fallback, as in the counters of netmux.Stats. A Dialer
// uses the context of the dial.
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

	// Protocols are names that always have metrics of their own, such as those of
	// Muxer.Protocols.
	Protocols []string
	// MaxNames is the maximum number of other protocol names with metrics of their own: the
	// first ones that appear, in each of three groups. These are the names that peers
	// propose and this side agrees to, those that it refuses, and those that it proposes
	// itself. All other names are counted as "_OTHER", so that a peer cannot create any
	// number of time series. An attribute contains at most 128 bytes of a name. If zero, 64;
	// if negative, every other name is counted as "_OTHER".
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

	always map[string]bool // Options.Protocols, and constant

	mu    sync.Mutex
	names [3]map[string]bool // those with metrics of their own, by nameGroup
}

// nameGroup is a group of protocol names. Each has a limit of its own, so that the names that
// strangers propose do not take the place of those that are served.
type nameGroup int

const (
	agreedNames  nameGroup = iota // by responders
	refusedNames                  // by responders
	ownNames                      // of initiators
)

// New returns a Telemetry. It fails if the MeterProvider refuses an instrument.
func New(o Options) (*Telemetry, error) {
	if o.TracerProvider == nil {
		o.TracerProvider = otel.GetTracerProvider()
	}
	if o.MeterProvider == nil {
		o.MeterProvider = otel.GetMeterProvider()
	}
	t := &Telemetry{tracer: o.TracerProvider.Tracer(scope), always: make(map[string]bool), maxNames: o.MaxNames}
	for _, name := range o.Protocols {
		t.always[attributeText(name)] = true
	}
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
// those of the group with metrics of their own while there are fewer than maxNames.
func (t *Telemetry) metricName(group nameGroup, protocol string) string {
	protocol = attributeText(protocol)
	if t.always[protocol] {
		return protocol
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	names := t.names[group]
	if !names[protocol] {
		if len(names) >= t.maxNames {
			return other
		}
		if names == nil {
			names = make(map[string]bool)
			t.names[group] = names
		}
		names[protocol] = true
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
