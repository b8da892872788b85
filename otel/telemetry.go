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
// Each connection is then one negotiation from Accept on, also one that agrees by ALPN or is served
// with Fallback, as in the Stats of the server. A Dialer uses the context of the dial.
//
// # Metrics
//
// Package [telemetry] lists the metrics and their labels, which are attributes here. Peers
// choose names, so [Options.MaxNames] bounds the number of different values of
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
	"errors"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/telemetry"
)

const scope = "github.com/multiselect/multiselect/otel"

// Options configure [New]. The zero value is ready to use.
type Options struct {
	TracerProvider trace.TracerProvider // if nil, the global one
	MeterProvider  metric.MeterProvider // if nil, the global one

	// Protocols are names that always have metrics of their own, such as those of
	// Muxer.Protocols.
	Protocols []string
	// MaxNames is the maximum number of other protocol names with metrics of their own; see
	// MaxNames of [telemetry.Recorder]. If zero, 64; if negative, every other name is
	// counted as "_OTHER".
	MaxNames int
}

// Telemetry records any number of negotiations. It is safe for concurrent use, starts no
// goroutine and need not be closed.
type Telemetry struct {
	tracer   trace.Tracer
	recorder telemetry.Recorder
	record   map[*telemetry.Metric]func(context.Context, float64, metric.MeasurementOption)
}

// New returns a Telemetry. It fails if the MeterProvider refuses an instrument.
func New(o Options) (*Telemetry, error) {
	if o.TracerProvider == nil {
		o.TracerProvider = otel.GetTracerProvider()
	}
	if o.MeterProvider == nil {
		o.MeterProvider = otel.GetMeterProvider()
	}
	t := &Telemetry{
		tracer: o.TracerProvider.Tracer(scope),
		record: make(map[*telemetry.Metric]func(context.Context, float64, metric.MeasurementOption)),
	}
	t.recorder = telemetry.Recorder{Measure: t.measure, Begin: t.startSpan, Protocols: o.Protocols, MaxNames: o.MaxNames}
	meter := o.MeterProvider.Meter(scope)
	var failed []error
	for _, m := range telemetry.Metrics() {
		failed = append(failed, t.createInstrument(meter, m))
	}
	return t, errors.Join(failed...)
}

func (t *Telemetry) createInstrument(meter metric.Meter, m *telemetry.Metric) (err error) {
	unit, description := metric.WithUnit(m.Unit), metric.WithDescription(m.Description)
	switch {
	case m.Kind == telemetry.Counter:
		var c metric.Int64Counter
		c, err = meter.Int64Counter(m.Name, unit, description)
		t.record[m] = func(ctx context.Context, v float64, o metric.MeasurementOption) { c.Add(ctx, int64(v), o) }
	case m.Kind == telemetry.UpDownCounter:
		var c metric.Int64UpDownCounter
		c, err = meter.Int64UpDownCounter(m.Name, unit, description)
		t.record[m] = func(ctx context.Context, v float64, o metric.MeasurementOption) { c.Add(ctx, int64(v), o) }
	case m.Unit == "s":
		var h metric.Float64Histogram
		h, err = meter.Float64Histogram(m.Name, unit, description, metric.WithExplicitBucketBoundaries(m.Buckets...))
		t.record[m] = func(ctx context.Context, v float64, o metric.MeasurementOption) { h.Record(ctx, v, o) }
	default:
		var h metric.Int64Histogram
		h, err = meter.Int64Histogram(m.Name, unit, description, metric.WithExplicitBucketBoundaries(m.Buckets...))
		t.record[m] = func(ctx context.Context, v float64, o metric.MeasurementOption) { h.Record(ctx, int64(v), o) }
	}
	return err
}

// Context returns a context for the negotiations of one stream, which must run one after
// the other; the handler of a protocol may negotiate with it again. A concurrent
// negotiation needs a context of its own. Hooks that ctx already has are also called.
func (t *Telemetry) Context(ctx context.Context) context.Context { return t.recorder.Context(ctx) }

func (t *Telemetry) measure(ctx context.Context, m *telemetry.Metric, value float64, labels telemetry.Labels) {
	t.record[m](ctx, value, metric.WithAttributes(attributes(labels)...))
}

func attributes(labels telemetry.Labels) []attribute.KeyValue {
	var all []attribute.KeyValue
	for name, value := range labels.All() {
		all = append(all, attribute.String(name, value))
	}
	return all
}

// startSpan starts the span of a negotiation, and returns the function that ends it.
func (t *Telemetry) startSpan(ctx context.Context, role multiselect.Role) func(telemetry.Negotiation) {
	kind := trace.SpanKindClient
	if role == multiselect.Responder {
		kind = trace.SpanKindServer
	}
	_, span := t.tracer.Start(ctx, "multiselect.negotiate", trace.WithSpanKind(kind),
		trace.WithAttributes(attributes(telemetry.Labels{Role: role.String()})...))
	return func(n telemetry.Negotiation) { endSpan(span, n) }
}

func endSpan(span trace.Span, n telemetry.Negotiation) {
	labels := n.Labels
	labels.Protocol = n.Agreed
	span.SetAttributes(attributes(labels)...)
	span.SetAttributes(
		attribute.Int("multiselect.proposals", n.Proposals),
		attribute.Int("multiselect.round_trips", n.RoundTrips),
		attribute.Int("multiselect.bytes_sent", n.Sent),
		attribute.Int("multiselect.bytes_received", n.Received),
	)
	if len(n.RefusedNames) > 0 {
		span.SetAttributes(attribute.StringSlice("multiselect.refused", n.RefusedNames))
	}
	if n.WriteErr != nil {
		span.SetAttributes(attribute.String("multiselect.write_error", n.WriteErr.Error()))
	}
	if isFailure(n.Err) {
		span.SetStatus(codes.Error, n.Err.Error())
	}
	span.End()
}

// isFailure reports whether err is a failure. A refusal is a normal answer, and so is a list.
func isFailure(err error) bool {
	return err != nil && !errors.Is(err, multiselect.ErrNotSupported) && !errors.Is(err, multiselect.ErrGaveUp) &&
		!errors.Is(err, multiselect.ErrListed)
}
