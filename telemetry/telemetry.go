// Package telemetry measures multistream-select negotiations for any system of metrics. It
// turns the hooks of [multiselect.Trace] into values of a few metrics and bounds the number
// of their series. Package otelmultiselect passes them to OpenTelemetry, and the tool mss to
// Prometheus.
//
//	recorder := &telemetry.Recorder{Measure: record}
//	...
//	err = muxer.ServeStream(recorder.Context(ctx), stream)
//
// # Metrics
//
// All metrics have the label multiselect.role, "initiator" or "responder". The last column
// lists their other labels, without the prefix "multiselect.".
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
// An initiator counts from its first flight, so that a lazy stream that waits in a pool does not
// count as half-open, and one that is closed unused does not count at all. A connection of a
// netmux.Server counts from Accept, also if it agrees by ALPN or is served with Fallback.
package telemetry

import (
	"context"
	"iter"
	"slices"
	"strings"
	"sync"

	"github.com/multiselect/multiselect"
)

// Kind is the kind of a [Metric].
type Kind uint8

const (
	Counter       Kind = iota // a sum of values that are not negative
	UpDownCounter             // a sum of any values
	Histogram                 // a distribution of values
)

// Metric describes one metric. Metrics are identified by their pointers, and must not be
// changed.
type Metric struct {
	Name        string // as OpenTelemetry writes it, with dots
	Unit        string // as OpenTelemetry writes it: "s", "By", or a word in braces
	Description string
	Kind        Kind
	Buckets     []float64 // the upper bounds of the buckets of a Histogram, in order
}

// The metrics.
var (
	HalfOpen = &Metric{
		Name: "multiselect.half_open", Unit: "{negotiation}", Kind: UpDownCounter,
		Description: "Negotiations in progress.",
	}
	Bytes = &Metric{
		Name: "multiselect.negotiation.bytes", Unit: "By", Kind: Histogram,
		Description: "Bytes of negotiation in one direction.",
		Buckets:     []float64{32, 64, 128, 256, 512, 1024, 4096, 16384, 65536},
	}
	Duration = &Metric{
		Name: "multiselect.negotiation.duration", Unit: "s", Kind: Histogram,
		Description: "Duration of negotiations.",
		Buckets:     []float64{.0001, .0005, .001, .005, .01, .05, .1, .25, .5, 1, 2.5, 5, 10},
	}
	Proposals = &Metric{
		Name: "multiselect.negotiation.proposals", Unit: "{proposal}", Kind: Histogram,
		Description: "Proposals on the stream when the negotiation ended.",
		Buckets:     []float64{0, 1, 2, 3, 4, 8, 16, 32, 64, 128},
	}
	RoundTrips = &Metric{
		Name: "multiselect.negotiation.round_trips", Unit: "{round_trip}", Kind: Histogram,
		Description: "Waits of this side for the peer after a flight of its own.",
		Buckets:     []float64{0, 1, 2, 3, 4, 6, 8, 16},
	}
	Negotiations = &Metric{
		Name: "multiselect.negotiations", Unit: "{negotiation}",
		Description: "Negotiations that have ended.",
	}
	Refused = &Metric{
		Name: "multiselect.refused", Unit: "{proposal}",
		Description: "Proposals that were answered na.",
	}
)

// Metrics returns all metrics, in the order of their names.
func Metrics() []*Metric {
	return []*Metric{HalfOpen, Bytes, Duration, Proposals, RoundTrips, Negotiations, Refused}
}

// Labels identify a series of a metric. An empty label is absent.
type Labels struct {
	Blame, Direction, Outcome, Protocol, Role string
}

// All returns the names and values of the labels that are present, in the order of their
// names, which have the prefix "multiselect.".
func (l Labels) All() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for _, label := range [...]struct{ name, value string }{
			{"multiselect.blame", l.Blame},
			{"multiselect.direction", l.Direction},
			{"multiselect.outcome", l.Outcome},
			{"multiselect.protocol", l.Protocol},
			{"multiselect.role", l.Role},
		} {
			if label.value != "" && !yield(label.name, label.value) {
				return
			}
		}
	}
}

// Recorder measures any number of negotiations. Its methods may be called concurrently; its
// fields must not change after the first call. It starts no goroutine and need not be
// closed.
type Recorder struct {
	// Measure records a value of a metric: it adds to a Counter or an UpDownCounter and is one
	// of the values of a Histogram. It must be safe for concurrent use. Its context is that
	// given to Context.
	Measure func(ctx context.Context, metric *Metric, value float64, labels Labels)

	// Begin is called when a negotiation begins, and the function that it returns when it has
	// ended, with that context. It is for spans. Both functions may be nil.
	Begin func(ctx context.Context, role multiselect.Role) (end func(Negotiation))

	// Protocols are names that always have series of their own, such as those of
	// Muxer.Protocols.
	Protocols []string

	// MaxNames is the maximum number of other protocol names with series of their own: the
	// first ones that appear, in each of three groups. These are the names that peers
	// propose and this side agrees to, those that it refuses, and those that it proposes
	// itself. All other names are counted as "_OTHER", so that a peer cannot create any
	// number of series. A label contains at most 128 bytes of a name. If zero, 64; if
	// negative, every other name is counted as "_OTHER".
	MaxNames int

	mu    sync.Mutex
	names [3]map[string]bool // those with series of their own, by nameGroup
}

// nameGroup is a group of protocol names. Each has a limit of its own, so that the names that
// strangers propose do not take the place of those that are served.
type nameGroup int

const (
	agreedNames  nameGroup = iota // by responders
	refusedNames                  // by responders
	ownNames                      // of initiators
)

// Context returns a context for the negotiations of one stream, which must run one after
// the other; the handler of a protocol may negotiate with it again. A concurrent
// negotiation needs a context of its own. Hooks that ctx already has are also called.
func (r *Recorder) Context(ctx context.Context) context.Context {
	n := &negotiation{recorder: r, ctx: ctx}
	return multiselect.WithTrace(ctx, &multiselect.Trace{
		Begin: n.begin, Sent: n.recordFlight, Received: n.recordMessage, Done: n.end,
	})
}

// other is the label that OpenTelemetry's conventions use for all remaining names.
const other = "_OTHER"

// maxName is the maximum number of bytes of a name in a label.
const maxName = 128

// protocolLabel returns the protocol label of a series. It adds the name to those of the group
// with series of their own while there are fewer than MaxNames.
func (r *Recorder) protocolLabel(group nameGroup, protocol string) string {
	if protocol == "" || slices.Contains(r.Protocols, protocol) {
		return labelText(protocol)
	}
	limit := r.MaxNames
	if limit == 0 {
		limit = 64
	}
	protocol = labelText(protocol)
	r.mu.Lock()
	defer r.mu.Unlock()
	names := r.names[group]
	if !names[protocol] {
		if len(names) >= limit {
			return other
		}
		if names == nil {
			names = make(map[string]bool)
			r.names[group] = names
		}
		names[protocol] = true
	}
	return protocol
}

// labelText returns a name as labels contain it: short, and valid UTF-8.
func labelText(name string) string {
	return strings.ToValidUTF8(name[:min(len(name), maxName)], "\uFFFD")
}
