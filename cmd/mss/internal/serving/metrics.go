package serving

import (
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	exporter "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/trace/noop"

	otelmultiselect "github.com/multiselect/multiselect/otel"

	"github.com/multiselect/multiselect/cmd/mss/internal/address"
	"github.com/multiselect/multiselect/cmd/mss/internal/exit"
	"github.com/multiselect/multiselect/cmd/mss/internal/transport"
)

// MetricsPage serves the metrics of OpenTelemetry to Prometheus.
type MetricsPage struct {
	telemetry *otelmultiselect.Telemetry
	url       string
	server    *http.Server
}

// startMetrics serves the page on a host:port until it is closed.
func startMetrics(where string) (*MetricsPage, error) {
	if err := address.CheckHostPort(where); err != nil {
		return nil, exit.Usagef("--metrics %q: %v: write host:port", where, err)
	}
	registry := prometheus.NewRegistry()
	reader, err := exporter.New(exporter.WithRegisterer(registry), exporter.WithoutScopeInfo(), exporter.WithoutTargetInfo())
	if err != nil {
		return nil, exit.AsLocal("--metrics", err)
	}
	telemetry, err := otelmultiselect.New(otelmultiselect.Options{
		TracerProvider: noop.NewTracerProvider(),
		MeterProvider:  metric.NewMeterProvider(metric.WithReader(reader)),
	})
	if err != nil {
		return nil, exit.AsLocal("--metrics", err)
	}
	ln, err := net.Listen("tcp", where)
	if err != nil {
		return nil, exit.AsLocal("cannot listen on "+where+" for --metrics", transport.Cause(err))
	}
	pages := http.NewServeMux()
	pages.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	m := &MetricsPage{
		telemetry: telemetry,
		url:       "http://" + ln.Addr().String() + "/metrics",
		server:    &http.Server{Handler: pages, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute},
	}
	go m.server.Serve(ln)
	return m, nil
}

// ShowMetrics starts the page and counts the negotiations of s. If where is empty,
// it returns nil.
func (s *Server) ShowMetrics(where string) (*MetricsPage, error) {
	if where == "" {
		return nil, nil
	}
	page, err := startMetrics(where)
	if err == nil {
		s.log.telemetry = page.telemetry
	}
	return page, err
}

// Close may be called on nil.
func (m *MetricsPage) Close() {
	if m != nil {
		m.server.Close()
	}
}
