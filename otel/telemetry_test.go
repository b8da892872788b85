package otelmultiselect

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/multiselect/multiselect"
)

// watched is a Telemetry with what it exports.
type watched struct {
	*Telemetry
	spans  *tracetest.InMemoryExporter
	reader *metric.ManualReader
	tracer trace.TracerProvider
}

func watch(t *testing.T, o Options) *watched {
	t.Helper()
	w := &watched{spans: tracetest.NewInMemoryExporter(), reader: metric.NewManualReader()}
	w.tracer = sdktrace.NewTracerProvider(sdktrace.WithSyncer(w.spans))
	o.TracerProvider = w.tracer
	o.MeterProvider = metric.NewMeterProvider(metric.WithReader(w.reader))
	var err error
	if w.Telemetry, err = New(o); err != nil {
		t.Fatal(err)
	}
	return w
}

// points returns all that is exported, one "name{attributes} = value" each; of a
// histogram the count and the sum, but for times, where only the count is certain.
func (w *watched) points(t *testing.T) map[string]string {
	t.Helper()
	var all metricdata.ResourceMetrics
	if err := w.reader.Collect(t.Context(), &all); err != nil {
		t.Fatal(err)
	}
	points := make(map[string]string)
	add := func(name string, set attribute.Set, value string) {
		var parts []string
		for _, a := range set.ToSlice() {
			parts = append(parts, strings.TrimPrefix(string(a.Key), "multiselect.")+"="+a.Value.String())
		}
		points[strings.TrimPrefix(name, "multiselect.")+"{"+strings.Join(parts, " ")+"}"] = value
	}
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			switch data := m.Data.(type) {
			case metricdata.Sum[int64]:
				for _, p := range data.DataPoints {
					add(m.Name, p.Attributes, fmt.Sprint(p.Value))
				}
			case metricdata.Histogram[int64]:
				for _, p := range data.DataPoints {
					add(m.Name, p.Attributes, fmt.Sprintf("%d, %d", p.Count, p.Sum))
				}
			case metricdata.Histogram[float64]:
				for _, p := range data.DataPoints {
					add(m.Name, p.Attributes, fmt.Sprint(p.Count))
				}
			default:
				t.Errorf("%s is a %T", m.Name, data)
			}
		}
	}
	return points
}

// script is a stream on which the peer says what was prepared, and leaves.
type script struct {
	io.Reader
	said bytes.Buffer
}

func peerSays(messages ...string) *script {
	return &script{Reader: strings.NewReader(strings.Join(messages, ""))}
}

func (s *script) Write(p []byte) (int, error) { return s.said.Write(p) }
func (s *script) Close() error                { return nil }

const (
	header = "\x13/multistream/1.0.0\n"
	na     = "\x03na\n"
	ls     = "\x03ls\n"
	a, b   = "\x03/a\n", "\x03/b\n"
)

func initiate(protocols ...string) func(context.Context, io.ReadWriteCloser) error {
	return func(ctx context.Context, s io.ReadWriteCloser) error {
		_, err := new(multiselect.Client).SelectOneOf(ctx, s, protocols...)
		return err
	}
}

// respond serves /a with the default time limit.
func respond(ctx context.Context, s io.ReadWriteCloser) error { return respondWithin(0)(ctx, s) }

func respondWithin(limit time.Duration) func(context.Context, io.ReadWriteCloser) error {
	return func(ctx context.Context, s io.ReadWriteCloser) error {
		muxer := multiselect.Muxer{Limits: multiselect.Limits{MaxProposals: 3, Timeout: limit}}
		if err := muxer.AddHandler("/a", func(context.Context, string, io.ReadWriteCloser) {}); err != nil {
			return err
		}
		return muxer.ServeStream(ctx, s)
	}
}

// silence is a stream on which nothing ever comes.
func silence() io.ReadWriteCloser {
	here, _ := net.Pipe()
	return here
}

// scene is one negotiation, and what is told about it.
type scene struct {
	name    string
	stream  io.ReadWriteCloser
	call    func(context.Context, io.ReadWriteCloser) error
	role    string
	outcome string
	blame   string
	trips   int
	refused []string
	failure bool
}

// scenes returns every outcome there is.
func scenes() []scene {
	return []scene{
		{"agrees at once", peerSays(header, a), initiate("/a"), "initiator", "agreed", "none", 1, nil, false},
		{"agrees on the second", peerSays(header, na, b), initiate("/a", "/b"), "initiator", "agreed", "none", 2, []string{"/a"}, false},
		{"is refused", peerSays(header, na, na), initiate("/a", "/b"), "initiator", "refused", "none", 2, []string{"/a", "/b"}, false},
		{"meets a web server", peerSays("HTTP/1.1 400 Bad Request\r\n"), initiate("/a"), "initiator", "not_multistream", "peer", 1, nil, true},
		{"hears something else", peerSays(header, b), initiate("/a"), "initiator", "unexpected_answer", "peer", 1, nil, true},
		{"hears no message", peerSays(header, "\x00"), initiate("/a"), "initiator", "malformed", "peer", 1, nil, true},
		{"hears too much", peerSays(header, "\xff\x7f"), initiate("/a"), "initiator", "too_large", "peer", 1, nil, true},
		{"is left", peerSays(header), initiate("/a"), "initiator", "closed", "none", 1, nil, true},
		{"proposes nothing", peerSays(), initiate(), "initiator", "misuse", "local", 0, nil, true},
		{"lists", peerSays(header, "\x05\x03/a\n\n"), list, "initiator", "answered", "none", 1, nil, false},
		{"agrees", peerSays(header, a), respond, "responder", "agreed", "none", 0, nil, false},
		{"lists and agrees", peerSays(header, ls, b, a), respond, "responder", "agreed", "none", 2, []string{"/b"}, false},
		{"lists", peerSays(header, ls), respond, "responder", "answered", "none", 0, nil, false},
		{"is given up", peerSays(header, b), respond, "responder", "gave_up", "none", 0, []string{"/b"}, false},
		{"is asked too much", peerSays(header, b, b, b, b), respond, "responder", "limit", "peer", 3, []string{"/b", "/b", "/b"}, true},
		{"hears nothing", silence(), respondWithin(20 * time.Millisecond), "responder", "timeout", "slow peer", 0, nil, true},
		{"is stopped", silence(), stopped, "responder", "canceled", "local", 0, nil, true},
	}
}

func list(ctx context.Context, s io.ReadWriteCloser) error {
	_, err := new(multiselect.Client).List(ctx, multiselect.NewCommunicator(s))
	return err
}

// stopped is respond in a context that has ended.
func stopped(ctx context.Context, s io.ReadWriteCloser) error {
	ctx, cancel := context.WithCancel(ctx)
	cancel()
	return respond(ctx, s)
}

func TestOutcomes(t *testing.T) {
	seen := make(map[string]bool)
	for _, scene := range scenes() {
		t.Run(scene.role+" "+scene.name, func(t *testing.T) {
			w := watch(t, Options{})
			parent, span := w.tracer.Tracer("test").Start(t.Context(), "parent")
			err := scene.call(w.Context(parent), scene.stream)
			spans := w.spans.GetSpans()
			if len(spans) != 1 {
				t.Fatalf("%d spans, after %v", len(spans), err)
			}
			got := spans[0]
			if got.Parent.SpanID() != span.SpanContext().SpanID() || got.Name != "multiselect.negotiate" {
				t.Errorf("%s is a child of %v", got.Name, got.Parent.SpanID())
			}
			attributes := make(map[string]attribute.Value)
			for _, a := range got.Attributes {
				attributes[string(a.Key)] = a.Value
			}
			for key, want := range map[string]any{
				"role": scene.role, "outcome": scene.outcome, "blame": scene.blame, "round_trips": int64(scene.trips),
			} {
				if v := attributes["multiselect."+key].AsInterface(); v != want {
					t.Errorf("span: %s is %v, want %v, after %v", key, v, want, err)
				}
			}
			if names := attributes["multiselect.refused"].AsStringSlice(); !slices.Equal(names, scene.refused) {
				t.Errorf("span: refused %q, want %q", names, scene.refused)
			}
			if failure := got.Status.Code == codes.Error; failure != scene.failure {
				t.Errorf("span: status %v", got.Status)
			}
			w.check(t, scene.role, scene.outcome, scene.blame, scene.trips, scene.refused)
			if e, ok := errors.AsType[*multiselect.Error](err); ok {
				if sent := attributes["multiselect.bytes_sent"].AsInt64(); sent != int64(e.BytesSent) {
					t.Errorf("span: %d bytes sent, the error says %d", sent, e.BytesSent)
				}
			}
		})
		seen[scene.outcome] = true
	}
	for _, outcome := range []string{"agreed", "answered", "refused", "gave_up", "not_multistream", "unexpected_answer", "malformed", "too_large", "limit", "timeout", "canceled", "misuse", "closed"} {
		if !seen[outcome] {
			t.Errorf("no scene for %s", outcome)
		}
	}
}

// check checks the metrics after one negotiation.
func (w *watched) check(t *testing.T, role, outcome, blame string, trips int, refused []string) {
	t.Helper()
	points := w.points(t)
	ended := 0
	for key, value := range points {
		if strings.HasPrefix(key, "negotiations{") {
			ended++
			if value != "1" || !strings.Contains(key, "blame="+blame+" outcome="+outcome) {
				t.Errorf("metrics: %s = %s", key, value)
			}
		}
	}
	if ended != 1 {
		t.Errorf("metrics: %d kinds of negotiations", ended)
	}
	counts := make(map[string]int)
	for _, name := range refused {
		counts[name]++
	}
	want := map[string]string{
		"half_open{role=" + role + "}":                                    "0",
		"negotiation.duration{outcome=" + outcome + " role=" + role + "}": "1",
		"negotiation.round_trips{role=" + role + "}":                      fmt.Sprintf("1, %d", trips),
	}
	for name, count := range counts {
		want["refused{protocol="+name+" role="+role+"}"] = fmt.Sprint(count)
	}
	for key, value := range want {
		if points[key] != value {
			t.Errorf("metrics: %s = %q, want %q; there are %q", key, points[key], value, slices.Sorted(maps.Keys(points)))
		}
	}
}

// The exact bytes of a conversation, in both directions.
func TestBytes(t *testing.T) {
	w := watch(t, Options{})
	s := peerSays(header, na, b)
	if err := initiate("/a", "/b")(w.Context(t.Context()), s); err != nil {
		t.Fatal(err)
	}
	points := w.points(t)
	for key, want := range map[string]string{
		"negotiation.bytes{direction=sent role=initiator}":     fmt.Sprintf("1, %d", s.said.Len()),
		"negotiation.bytes{direction=received role=initiator}": fmt.Sprintf("1, %d", len(header+na+b)),
		"negotiation.proposals{role=initiator}":                "1, 2",
	} {
		if points[key] != want {
			t.Errorf("%s = %q, want %q", key, points[key], want)
		}
	}
}

// What goes on is counted while it goes on.
func TestHalfOpen(t *testing.T) {
	w := watch(t, Options{})
	here, there := net.Pipe()
	done := make(chan error, 1)
	go func() { done <- initiate("/a")(w.Context(t.Context()), there) }()
	if _, err := io.ReadFull(here, make([]byte, len(header+a))); err != nil {
		t.Fatal(err)
	}
	if n := w.points(t)["half_open{role=initiator}"]; n != "1" {
		t.Errorf("half-open: %q while it waits", n)
	}
	io.WriteString(here, header+a)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if n := w.points(t)["half_open{role=initiator}"]; n != "0" {
		t.Errorf("half-open: %q at the end", n)
	}
}

// Names that peers choose cannot make a series each, and none that is no text.
func TestNames(t *testing.T) {
	for _, c := range []struct{ option, own int }{{2, 2}, {-1, 0}, {0, 64}} {
		w := watch(t, Options{MaxNames: c.option})
		for i := range 100 {
			name := fmt.Sprintf("/\xff%d%s", i, strings.Repeat("x", 200))
			initiate(name)(w.Context(t.Context()), peerSays(header, na))
		}
		own, rest := 0, ""
		for key, value := range w.points(t) {
			switch {
			case strings.HasPrefix(key, "refused{protocol=_OTHER "):
				rest = value
			case strings.HasPrefix(key, "refused{"):
				own++
				if len(key) > 200 || strings.Contains(key, "\xff") {
					t.Errorf("series %q", key)
				}
			}
		}
		if own != c.own || rest != fmt.Sprint(100-c.own) {
			t.Errorf("Names: %d: %d names of their own, %s others", c.option, own, rest)
		}
	}
}

// The steps of a stream are negotiations one after the other, and a lazy stream is
// one from the start to the answer.
func TestStepsAndLazy(t *testing.T) {
	w := watch(t, Options{})
	ctx := w.Context(t.Context())
	c := multiselect.NewCommunicator(peerSays(header, na, b))
	client := new(multiselect.Client)
	client.TrySelect(ctx, c, "/a")
	if err := client.TrySelect(ctx, c, "/b"); err != nil {
		t.Fatal(err)
	}
	peer := lateScript{peerSays(header, a, "data"), make(chan struct{})}
	lazy, err := client.Lazy(ctx, peer, "/a")
	if err != nil {
		t.Fatal(err)
	}
	if n := w.points(t)["half_open{role=initiator}"]; n != "0" {
		t.Errorf("half-open: %q before the first byte", n)
	}
	io.WriteString(lazy, "hello")
	if n := w.points(t)["half_open{role=initiator}"]; n != "1" {
		t.Errorf("half-open: %q before the answer", n)
	}
	close(peer.answers)
	if got, err := io.ReadAll(lazy); string(got) != "data" || err != nil {
		t.Fatalf("%q, %v", got, err)
	}
	points := w.points(t)
	for key, want := range map[string]string{
		"half_open{role=initiator}":                                          "0",
		"negotiations{blame=none outcome=refused role=initiator}":            "1",
		"negotiations{blame=none outcome=agreed protocol=/b role=initiator}": "1",
		"negotiations{blame=none outcome=agreed protocol=/a role=initiator}": "1",
		"refused{protocol=/a role=initiator}":                                "1",
		"negotiation.bytes{direction=sent role=initiator}":                   fmt.Sprintf("3, %d", 2*len(header+a)+len(b)),
		"negotiation.bytes{direction=received role=initiator}":               fmt.Sprintf("3, %d", len(header+na+b+header+a)),
	} {
		if points[key] != want {
			t.Errorf("%s = %q, want %q", key, points[key], want)
		}
	}
}

// Hooks that were there before are still called.
func TestComposition(t *testing.T) {
	var outcome multiselect.Outcome
	ctx := multiselect.WithTrace(t.Context(), &multiselect.Trace{Done: func(o multiselect.Outcome) { outcome = o }})
	if err := initiate("/a")(watch(t, Options{}).Context(ctx), peerSays(header, a)); err != nil || outcome.Protocol != "/a" {
		t.Errorf("%v, %+v", err, outcome)
	}
}

func ExampleTelemetry_Context() {
	telemetry, err := New(Options{}) // the global providers
	if err != nil {
		fmt.Println(err)
		return
	}
	stream := peerSays(header, a)
	protocol, err := new(multiselect.Client).SelectOneOf(telemetry.Context(context.Background()), stream, "/a")
	fmt.Println(protocol, err)
	// Output: /a <nil>
}
