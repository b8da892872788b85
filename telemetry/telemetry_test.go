package telemetry_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/internal/streamtest"
	"github.com/multiselect/multiselect/telemetry"
)

// meter keeps sums: of a histogram the number of values and their sum.
type meter struct {
	mu   sync.Mutex
	sums map[string]string
	raw  map[string][2]float64
}

func (m *meter) measure(_ context.Context, metric *telemetry.Metric, value float64, labels telemetry.Labels) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.raw == nil {
		m.raw, m.sums = make(map[string][2]float64), make(map[string]string)
	}
	key := strings.TrimPrefix(metric.Name, "multiselect.")
	for name, value := range labels.All() {
		key += " " + strings.TrimPrefix(name, "multiselect.") + "=" + value
	}
	count := m.raw[key]
	count[0]++
	count[1] += value
	m.raw[key] = count
	switch {
	case metric == telemetry.Duration:
		m.sums[key] = fmt.Sprint(count[0]) // how long it takes is not certain
	case metric.Kind == telemetry.Histogram:
		m.sums[key] = fmt.Sprint(count[0], " of ", count[1])
	default:
		m.sums[key] = fmt.Sprint(count[1])
	}
}

func (m *meter) sum(key string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.sums[key]
}

func propose(ctx context.Context, stream io.ReadWriteCloser, protocols ...string) error {
	_, err := new(multiselect.Client).SelectOneOf(ctx, stream, protocols...)
	return err
}

func TestMeasurements(t *testing.T) {
	var m meter
	var ended []telemetry.Negotiation
	r := &telemetry.Recorder{
		Measure: m.measure,
		Begin: func(context.Context, multiselect.Role) func(telemetry.Negotiation) {
			return func(n telemetry.Negotiation) { ended = append(ended, n) }
		},
	}
	stream := streamtest.NewScript(streamtest.Messages("/multistream/1.0.0", "na", "/b"))
	if err := propose(r.Context(t.Context()), stream, "/a", "/b"); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"negotiations blame=none outcome=agreed protocol=/b role=initiator": "1",
		"negotiation.duration outcome=agreed role=initiator":                "1",
		"negotiation.round_trips role=initiator":                            "1 of 2",
		"negotiation.proposals role=initiator":                              "1 of 2",
		"negotiation.bytes direction=sent role=initiator":                   "1 of 28",
		"negotiation.bytes direction=received role=initiator":               "1 of 28",
		"half_open role=initiator":                                          "0",
		"refused protocol=/a role=initiator":                                "1",
	}
	if !maps.Equal(m.sums, want) {
		t.Errorf("measured\n%q, want\n%q", m.sums, want)
	}
	if len(ended) != 1 {
		t.Fatalf("%d negotiations have ended", len(ended))
	}
	n := ended[0]
	if n.Agreed != "/b" || n.Sent != 28 || n.Received != 28 || n.RoundTrips != 2 ||
		!slices.Equal(n.RefusedNames, []string{"/a"}) || n.Labels != (telemetry.Labels{Role: "initiator", Outcome: "agreed", Blame: "none"}) {
		t.Errorf("the negotiation is %+v", n)
	}
}

// Each outcome has its word.
func TestOutcomes(t *testing.T) {
	const header = "/multistream/1.0.0"
	answers := streamtest.Messages
	proposal := func(limits multiselect.Limits) func(context.Context, io.ReadWriteCloser) {
		return func(ctx context.Context, s io.ReadWriteCloser) {
			(&multiselect.Muxer{Limits: limits}).ServeStream(ctx, s)
		}
	}
	initiator := func(protocols ...string) func(context.Context, io.ReadWriteCloser) {
		return func(ctx context.Context, s io.ReadWriteCloser) { propose(ctx, s, protocols...) }
	}
	for _, tt := range []struct {
		outcome, received string
		negotiate         func(context.Context, io.ReadWriteCloser)
	}{
		{"agreed", answers(header, "/a"), initiator("/a")},
		{"answered", answers(header, "/a") + "\x01\n", func(ctx context.Context, s io.ReadWriteCloser) {
			new(multiselect.Client).List(ctx, multiselect.NewCommunicator(s))
		}},
		{"refused", answers(header, "na"), initiator("/a")},
		{"gave_up", answers(header, "/a"), proposal(multiselect.Limits{})},
		{"not_multistream", "HTTP/1.1 400 Bad Request\r\n", initiator("/a")},
		{"unexpected_answer", answers(header, "/b"), initiator("/a")},
		{"malformed", answers(header) + "\x00", initiator("/a")},
		{"too_large", answers(header) + "\xff\x7f", initiator("/a")},
		{"limit", answers(header, "/a", "/b"), proposal(multiselect.Limits{MaxProposals: 1})},
		{"misuse", "", initiator()},
		{"closed", "", initiator("/a")},
	} {
		var m meter
		r := &telemetry.Recorder{Measure: m.measure}
		tt.negotiate(r.Context(t.Context()), streamtest.NewScript(tt.received))
		found := ""
		for key := range m.sums {
			if _, after, ok := strings.Cut(key, "negotiations "); ok {
				found += after
			}
		}
		if !strings.Contains(found, "outcome="+tt.outcome+" ") {
			t.Errorf("%q is counted as %q, want the outcome %s", tt.received, found, tt.outcome)
		}
	}
}

// A negotiation is half-open until its time limit has expired or its context is canceled.
func TestWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, want := range []string{"timeout", "canceled"} {
			var m meter
			r := &telemetry.Recorder{Measure: m.measure}
			ctx, cancel := context.WithCancel(t.Context())
			here, there := net.Pipe()
			done := make(chan error)
			go func() { done <- new(multiselect.Muxer).ServeStream(r.Context(ctx), here) }()
			synctest.Wait()
			if got := m.sum("half_open role=responder"); got != "1" {
				t.Errorf("half-open are %q during the negotiation", got)
			}
			if want == "canceled" {
				cancel()
			}
			err := <-done
			if got := m.sum("half_open role=responder"); got != "0" {
				t.Errorf("half-open are %q after it", got)
			}
			if got := m.sum("negotiation.duration outcome=" + want + " role=responder"); got != "1" {
				t.Errorf("%v is counted as %q, want %s", err, m.sums, want)
			}
			cancel()
			there.Close()
		}
	})
}

// The number of series and the length of their names are bounded.
func TestNames(t *testing.T) {
	for _, tt := range []struct{ max, own int }{{2, 2}, {-1, 0}, {0, 64}} {
		var m meter
		r := &telemetry.Recorder{Measure: m.measure, MaxNames: tt.max}
		for i := range 100 {
			name := fmt.Sprintf("/\xff%d%s", i, strings.Repeat("x", 200))
			stream := streamtest.NewScript(streamtest.Messages("/multistream/1.0.0", "na"))
			if err := propose(r.Context(t.Context()), stream, name); !errors.Is(err, multiselect.ErrNotSupported) {
				t.Fatal(err)
			}
		}
		own := 0
		for key := range m.sums {
			if strings.HasPrefix(key, "refused protocol=/") {
				own++
				if len(key) > 200 || strings.Contains(key, "\xff") {
					t.Errorf("a label of %q", key)
				}
			}
		}
		if rest := m.sums["refused protocol=_OTHER role=initiator"]; own != tt.own || rest != fmt.Sprint(100-tt.own) {
			t.Errorf("with MaxNames %d: %d names have series, %s are other", tt.max, own, rest)
		}
	}
}

// The metrics are complete and in order.
func TestMetrics(t *testing.T) {
	last := ""
	for _, m := range telemetry.Metrics() {
		if m.Name <= last || m.Unit == "" || m.Description == "" {
			t.Errorf("%+v follows %s", m, last)
		}
		if (m.Kind == telemetry.Histogram) != (len(m.Buckets) > 0) || !slices.IsSorted(m.Buckets) {
			t.Errorf("%s has the buckets %v", m.Name, m.Buckets)
		}
		last = m.Name
	}
}

func ExampleRecorder() {
	recorder := &telemetry.Recorder{
		Measure: func(_ context.Context, metric *telemetry.Metric, value float64, labels telemetry.Labels) {
			if metric == telemetry.Negotiations {
				fmt.Println(labels.Role, labels.Protocol, labels.Outcome, value)
			}
		},
	}
	here, there := net.Pipe()
	var muxer multiselect.Muxer
	muxer.AddHandler("/chat/1.0.0", func(_ context.Context, _ string, stream io.ReadWriteCloser) { stream.Close() })
	go muxer.ServeStream(context.Background(), there)

	var client multiselect.Client
	client.SelectOneOf(recorder.Context(context.Background()), here, "/chat/1.0.0")
	// Output: initiator /chat/1.0.0 agreed 1
}
