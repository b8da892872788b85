package otelmultiselect_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"runtime"
	"testing"

	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/internal/streamtest"
	"github.com/multiselect/multiselect/netmux"
	otelmultiselect "github.com/multiselect/multiselect/otel"
)

// counts returns the number of negotiations of responders by outcome, and by "agreed PROTOCOL".
func counts(t *testing.T, reader *metric.ManualReader) map[string]int {
	t.Helper()
	var all metricdata.ResourceMetrics
	if err := reader.Collect(context.Background(), &all); err != nil {
		t.Fatal(err)
	}
	counts := make(map[string]int)
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			if m.Name != "multiselect.negotiations" {
				continue
			}
			for _, p := range m.Data.(metricdata.Sum[int64]).DataPoints {
				outcome, _ := p.Attributes.Value("multiselect.outcome")
				protocol, _ := p.Attributes.Value("multiselect.protocol")
				counts[outcome.AsString()] += int(p.Value)
				counts["all"] += int(p.Value)
				if protocol.AsString() != "" {
					counts["agreed "+protocol.AsString()] += int(p.Value)
				}
			}
		}
	}
	return counts
}

// OpenTelemetry and netmux.Stats count every connection alike: agreed by negotiation, by ALPN, inside
// TLS and by a fallback, refused, listed and left.
func TestStatsAgree(t *testing.T) {
	reader := metric.NewManualReader()
	telemetry, err := otelmultiselect.New(otelmultiselect.Options{MeterProvider: metric.NewMeterProvider(metric.WithReader(reader))})
	if err != nil {
		t.Fatal(err)
	}
	server, client := streamtest.TLS(t)
	srv := &netmux.Server{
		DetectTLS: true, TLSConfig: server, Fallback: "old",
		ConnContext: func(ctx context.Context, _ net.Conn) context.Context { return telemetry.Context(ctx) },
	}
	for _, name := range []string{"/echo/1.0.0", "old"} {
		if err := srv.Muxer.AddHandler(name, func(_ context.Context, _ string, s io.ReadWriteCloser) { s.Close() }); err != nil {
			t.Fatal(err)
		}
	}
	port := streamtest.Listen(t, "tcp")
	go srv.Serve(port)
	inside := client.Clone()
	inside.NextProtos = []string{}
	inside.ServerName = "localhost"
	for _, config := range []*tls.Config{nil, client, inside} {
		for _, name := range []string{"/echo/1.0.0", "/x"} {
			d := &netmux.Dialer{Protocols: []string{name}, TLSConfig: config}
			conn, err := d.DialContext(t.Context(), "tcp", port.Addr().String())
			if err == nil {
				io.Copy(io.Discard, conn)
				conn.Close()
			} else if !errors.Is(err, multiselect.ErrNotSupported) {
				t.Error(err)
			}
		}
	}
	for _, words := range []string{"GET", "\x13/multistream/1.0.0\n\x03ls\n", ""} {
		conn, err := net.Dial("tcp", port.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(conn, words)
		conn.(*net.TCPConn).CloseWrite()
		io.Copy(io.Discard, conn)
		conn.Close()
	}
	for st := srv.Stats(); st.Agreed+st.Answered+st.Failed < 9; st = srv.Stats() {
		runtime.Gosched()
	}
	if err := srv.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
	got, st := counts(t, reader), srv.Stats()
	if got["agreed"] != int(st.Agreed) || got["answered"] != int(st.Answered) || got["all"] != int(st.Accepted) || st.Accepted != 9 {
		t.Errorf("%v, Stats %+v", got, st)
	}
	if got["agreed /echo/1.0.0"] != 3 || got["agreed old"] != 1 || got["answered"] != 1 || got["gave_up"] != 3 || got["closed"] != 1 {
		t.Errorf("%v", got)
	}
}
