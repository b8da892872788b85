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

// The table in docs/metrics.md is what a scrape returns: names, types and labels.
func TestMetricsTable(t *testing.T) {
	page, err := startMetrics("127.0.0.1:0")
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

	scraped := scrapeRows(t, page.url)
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
	var metrics []string
	for _, metric := range telemetry.Metrics() {
		metrics = append(metrics, metric.Name)
	}
	if !slices.Equal(names, metrics) {
		t.Errorf("docs/metrics.md has the names %q, package telemetry %q", names, metrics)
	}
}

// scrapeRows returns the metrics of a page as rows of the table.
func scrapeRows(t *testing.T, url string) []string {
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
	var scraped []string
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
