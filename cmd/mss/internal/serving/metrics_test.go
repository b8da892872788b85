package serving

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/telemetry"
)

// The tables in docs/metrics.md are what a scrape returns: names, types and labels.
func TestMetricsTable(t *testing.T) {
	srv, err := New(Config{Log: new(Log)})
	if err != nil {
		t.Fatal(err)
	}
	page, err := srv.ShowMetrics("127.0.0.1:0", "v1")
	if err != nil {
		t.Fatal(err)
	}
	defer page.Close()
	var muxer multiselect.Muxer
	if err := muxer.AddHandler("/a", func(context.Context, string, io.ReadWriteCloser) {}); err != nil {
		t.Fatal(err)
	}
	here, there := net.Pipe()
	done := make(chan error, 1)
	go func() { done <- muxer.ServeStream(page.recorder.Context(t.Context()), there) }()
	if _, err := new(multiselect.Client).SelectOneOf(t.Context(), here, "/x", "/a"); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}

	all := scrape(t, page.url)
	scraped := slices.DeleteFunc(slices.Clone(all), isState)
	document, err := os.ReadFile("../../../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	var documented, names []string
	for _, row := range regexp.MustCompile("(?m)^(\\| `multiselect_.* \\|) `(.*)` \\|$").FindAllSubmatch(document, -1) {
		documented = append(documented, string(row[1]))
		names = append(names, string(row[2]))
	}
	if !slices.Equal(documented, scraped) {
		t.Errorf("docs/metrics.md has\n%s\na scrape has\n%s", strings.Join(documented, "\n"), strings.Join(scraped, "\n"))
	}
	var state []string
	for _, row := range regexp.MustCompile("(?m)^(\\| `(?:mss|go|process)_.* \\|) [A-Z].* \\|$").FindAllSubmatch(document, -1) {
		state = append(state, string(row[1]))
	}
	slices.Sort(state)
	if scraped := slices.DeleteFunc(all, func(row string) bool { return !isState(row) }); !slices.Equal(state, scraped) {
		t.Errorf("docs/metrics.md has\n%s\na scrape has\n%s", strings.Join(state, "\n"), strings.Join(scraped, "\n"))
	}
	var metrics []string
	for _, metric := range telemetry.Metrics() {
		metrics = append(metrics, metric.Name)
	}
	if !slices.Equal(names, metrics) {
		t.Errorf("docs/metrics.md has the names %q, package telemetry %q", names, metrics)
	}
}

// isState reports whether a row is about the state of the server.
func isState(row string) bool { return !strings.HasPrefix(row, "| `multiselect_") }

// scrape returns the metrics of a page as rows of docs/metrics.md.
func scrape(t *testing.T, url string) (scraped []string) {
	t.Helper()
	answer, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	for name, family := range families {
		var labels []string
		for _, series := range family.Metric {
			for _, label := range series.Label {
				labels = append(labels, "`"+strings.TrimPrefix(label.GetName(), "multiselect_")+"`")
			}
		}
		slices.Sort(labels)
		labels = slices.Compact(labels)
		scraped = append(scraped, fmt.Sprintf("| `%s` | %s | %s |", name, strings.ToLower(family.GetType().String()), strings.Join(labels, ", ")))
	}
	slices.Sort(scraped)
	return scraped
}
