package serving

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"

	"github.com/multiselect/multiselect/telemetry"

	"github.com/multiselect/multiselect/cmd/mss/internal/address"
	"github.com/multiselect/multiselect/cmd/mss/internal/exit"
	"github.com/multiselect/multiselect/cmd/mss/internal/transport"
)

// MetricsPage serves the metrics of package telemetry and the state of a Server to
// Prometheus.
type MetricsPage struct {
	state    func() []*dto.MetricFamily
	recorder telemetry.Recorder
	url      string
	server   *http.Server

	mu       sync.Mutex
	families map[*telemetry.Metric]*dto.MetricFamily
	series   map[seriesKey]*dto.Metric
}

type seriesKey struct {
	metric *telemetry.Metric
	labels telemetry.Labels
}

// startMetrics serves the page on a host:port until it is closed.
func startMetrics(where string, state func() []*dto.MetricFamily) (*MetricsPage, error) {
	if err := address.CheckHostPort(where); err != nil {
		return nil, exit.Usagef("--metrics %q: %v: write host:port", where, err)
	}
	ln, err := net.Listen("tcp", where)
	if err != nil {
		return nil, exit.AsLocal("cannot listen on "+where+" for --metrics", transport.Cause(err))
	}
	m := &MetricsPage{
		state:    state,
		url:      "http://" + ln.Addr().String() + "/metrics",
		families: make(map[*telemetry.Metric]*dto.MetricFamily),
		series:   make(map[seriesKey]*dto.Metric),
	}
	m.recorder.Measure = m.record
	for _, metric := range telemetry.Metrics() {
		m.families[metric] = newFamily(metric)
	}
	pages := http.NewServeMux()
	pages.Handle("GET /metrics", m)
	pages.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, `<!DOCTYPE html><title>mss serve</title><a href="/metrics">Metrics</a>`+"\n")
	})
	m.server = newPageServer(pages)
	go m.server.Serve(ln)
	return m, nil
}

// newPageServer returns a server that keeps no client that does not send or read.
func newPageServer(pages http.Handler) *http.Server {
	return &http.Server{Handler: pages, ReadHeaderTimeout: 5 * time.Second, WriteTimeout: 10 * time.Second, IdleTimeout: time.Minute}
}

// ServeHTTP writes the page.
func (m *MetricsPage) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	var page bytes.Buffer
	m.mu.Lock()
	for _, metric := range telemetry.Metrics() {
		if family := m.families[metric]; len(family.Metric) > 0 {
			expfmt.MetricFamilyToText(&page, family) // a Buffer does not fail
		}
	}
	m.mu.Unlock()
	for _, family := range m.state() {
		expfmt.MetricFamilyToText(&page, family)
	}
	w.Header().Set("Content-Type", string(expfmt.NewFormat(expfmt.TypeTextPlain)))
	w.Write(page.Bytes())
}

// record is the Measure of a telemetry.Recorder.
func (m *MetricsPage) record(_ context.Context, metric *telemetry.Metric, value float64, labels telemetry.Labels) {
	m.mu.Lock()
	defer m.mu.Unlock()
	key := seriesKey{metric, labels}
	series := m.series[key]
	if series == nil {
		series = newSeries(key)
		m.series[key] = series
		m.families[metric].Metric = append(m.families[metric].Metric, series)
	}
	switch {
	case series.Counter != nil:
		*series.Counter.Value += value
	case series.Gauge != nil:
		*series.Gauge.Value += value
	default:
		observe(series.Histogram, value)
	}
}

func observe(h *dto.Histogram, value float64) {
	*h.SampleCount++
	*h.SampleSum += value
	for _, bucket := range h.Bucket {
		if value <= *bucket.UpperBound {
			*bucket.CumulativeCount++
		}
	}
}

// newFamily returns a metric without series, with a name by the conventions of Prometheus.
func newFamily(m *telemetry.Metric) *dto.MetricFamily {
	name := underscored(m.Name)
	if m.Unit == "s" {
		name += "_seconds"
	}
	kind := dto.MetricType_HISTOGRAM
	switch m.Kind {
	case telemetry.Counter:
		name += "_total"
		kind = dto.MetricType_COUNTER
	case telemetry.UpDownCounter:
		kind = dto.MetricType_GAUGE
	}
	return &dto.MetricFamily{Name: &name, Help: &m.Description, Type: &kind}
}

func newSeries(key seriesKey) *dto.Metric {
	series := new(dto.Metric)
	for name, value := range key.labels.All() {
		series.Label = append(series.Label, &dto.LabelPair{Name: new(underscored(name)), Value: &value})
	}
	switch key.metric.Kind {
	case telemetry.Counter:
		series.Counter = &dto.Counter{Value: new(float64)}
	case telemetry.UpDownCounter:
		series.Gauge = &dto.Gauge{Value: new(float64)}
	default:
		series.Histogram = &dto.Histogram{SampleCount: new(uint64), SampleSum: new(float64)}
		for _, bound := range key.metric.Buckets {
			series.Histogram.Bucket = append(series.Histogram.Bucket, &dto.Bucket{CumulativeCount: new(uint64), UpperBound: &bound})
		}
	}
	return series
}

func underscored(name string) string { return strings.ReplaceAll(name, ".", "_") }

// ShowMetrics starts the page of s; the page names the version of mss. If where is empty, it
// returns nil.
func (s *Server) ShowMetrics(where, version string) (*MetricsPage, error) {
	if where == "" {
		return nil, nil
	}
	page, err := startMetrics(where, func() []*dto.MetricFamily { return s.state(version) })
	if err == nil {
		s.log.recorder = &page.recorder
	}
	return page, err
}

// Close stops serving the page. It may be called on nil.
func (m *MetricsPage) Close() {
	if m != nil {
		m.server.Close()
	}
}
