package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"github.com/multiselect/multiselect/telemetry"
)

// metricsPage serves the metrics of package telemetry to Prometheus.
type metricsPage struct {
	recorder telemetry.Recorder
	families map[*telemetry.Metric]*family
	url      string
	server   *http.Server
}

// startMetrics serves the page on a host:port until it is closed.
func startMetrics(where string) (*metricsPage, error) {
	if err := checkHostPort(where); err != nil {
		return nil, usagef("--metrics %q: %v: write host:port", where, err)
	}
	ln, err := net.Listen("tcp", where)
	if err != nil {
		return nil, local("cannot listen on "+where+" for --metrics", cause(err))
	}
	m := &metricsPage{
		families: make(map[*telemetry.Metric]*family),
		url:      "http://" + ln.Addr().String() + "/metrics",
	}
	m.recorder.Measure = m.measure
	for _, metric := range telemetry.Metrics() {
		m.families[metric] = &family{metric: metric, name: prometheusName(metric), set: metrics.NewSet()}
	}
	pages := http.NewServeMux()
	pages.Handle("GET /metrics", m)
	m.server = &http.Server{Handler: pages, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute}
	go m.server.Serve(ln)
	return m, nil
}

// ServeHTTP writes the page.
func (m *metricsPage) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	for _, metric := range telemetry.Metrics() {
		m.families[metric].write(w)
	}
}

func (m *metricsPage) measure(_ context.Context, metric *telemetry.Metric, value float64, labels telemetry.Labels) {
	m.families[metric].measure(value, labels)
}

// showMetrics starts the page and counts the negotiations of s. If where is empty,
// it returns nil.
func (s *server) showMetrics(where string) (*metricsPage, error) {
	if where == "" {
		return nil, nil
	}
	page, err := startMetrics(where)
	if err == nil {
		s.log.recorder = &page.recorder
	}
	return page, err
}

// close may be called on nil.
func (m *metricsPage) close() {
	if m != nil {
		m.server.Close()
	}
}

// family is the series of one metric.
type family struct {
	metric *telemetry.Metric
	name   string // for Prometheus
	set    *metrics.Set
	series sync.Map // of functions that record a value, by Labels
}

func (f *family) measure(value float64, labels telemetry.Labels) {
	record, ok := f.series.Load(labels)
	if !ok {
		record, _ = f.series.LoadOrStore(labels, f.newSeries(f.name+prometheusLabels(labels)))
	}
	record.(func(float64))(value)
}

func (f *family) newSeries(name string) func(float64) {
	switch f.metric.Kind {
	case telemetry.Counter:
		counter := f.set.GetOrCreateCounter(name)
		return func(value float64) { counter.Add(int(value)) }
	case telemetry.UpDownCounter:
		return f.set.GetOrCreateGauge(name, nil).Add
	}
	return f.set.GetOrCreatePrometheusHistogramExt(name, f.metric.Buckets).Update
}

var prometheusTypes = map[telemetry.Kind]string{
	telemetry.Counter: "counter", telemetry.UpDownCounter: "gauge", telemetry.Histogram: "histogram",
}

// write writes the series, if there are any, with the description that the library omits.
func (f *family) write(w io.Writer) {
	if len(f.set.ListMetricNames()) > 0 {
		fmt.Fprintf(w, "# HELP %s %s\n# TYPE %[1]s %[3]s\n", f.name, f.metric.Description, prometheusTypes[f.metric.Kind])
		f.set.WritePrometheus(w)
	}
}

// prometheusName returns the name of a metric by the conventions of Prometheus.
func prometheusName(m *telemetry.Metric) string {
	name := strings.ReplaceAll(m.Name, ".", "_")
	if m.Unit == "s" {
		name += "_seconds"
	}
	if m.Kind == telemetry.Counter {
		name += "_total"
	}
	return name
}

func prometheusLabels(labels telemetry.Labels) string {
	escape := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)
	var all []string
	for name, value := range labels.All() {
		all = append(all, strings.ReplaceAll(name, ".", "_")+`="`+escape.Replace(value)+`"`)
	}
	return "{" + strings.Join(all, ",") + "}"
}
