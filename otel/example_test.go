package otelmultiselect_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"

	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/multiselect/multiselect/netmux"
	otelmultiselect "github.com/multiselect/multiselect/otel"
)

// A netmux.Server records the negotiation of each connection: ConnContext gives it a context of
// its own. The reader stands for an exporter; without a MeterProvider it is the global one.
func ExampleTelemetry_Context_netmux() {
	reader := metric.NewManualReader()
	telemetry, err := otelmultiselect.New(otelmultiselect.Options{
		MeterProvider: metric.NewMeterProvider(metric.WithReader(reader)),
	})
	if err != nil {
		log.Fatal(err)
	}
	srv := netmux.Server{
		ConnContext: func(ctx context.Context, _ net.Conn) context.Context { return telemetry.Context(ctx) },
	}
	err = srv.Muxer.AddHandler("/echo/1.0.0", func(_ context.Context, _ string, stream io.ReadWriteCloser) {
		defer stream.Close()
		io.Copy(stream, stream)
	})
	if err != nil {
		log.Fatal(err)
	}
	port, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go srv.Serve(port)

	dialer := &netmux.Dialer{Protocols: []string{"/echo/2.0.0", "/echo/1.0.0"}}
	conn, err := dialer.DialContext(context.Background(), "tcp", port.Addr().String())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Fprint(conn, "x")
	io.ReadFull(conn, make([]byte, 1)) // the handler runs
	conn.Close()
	if err := srv.Shutdown(context.Background()); err != nil {
		log.Fatal(err)
	}

	var all metricdata.ResourceMetrics
	if err := reader.Collect(context.Background(), &all); err != nil {
		log.Fatal(err)
	}
	for _, m := range all.ScopeMetrics[0].Metrics {
		if sum, ok := m.Data.(metricdata.Sum[int64]); ok {
			for _, point := range sum.DataPoints {
				protocol, _ := point.Attributes.Value("multiselect.protocol")
				outcome, _ := point.Attributes.Value("multiselect.outcome")
				fmt.Println(m.Name, protocol.AsString(), outcome.AsString(), point.Value)
			}
		}
	}
	// Unordered output:
	// multiselect.negotiations /echo/1.0.0 agreed 1
	// multiselect.refused /echo/2.0.0  1
	// multiselect.half_open   0
}
