package load

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/multiselect/multiselect/internal/draw"
)

// The page has the figures of the result, and nothing that a peer chose is markup on it.
func TestWritePage(t *testing.T) {
	b := finished(Config{Protocol: "/<b>x</b>", Workers: 1}, []int{5, 50, 500}, errors.New("<script>alert(1)</script>"))
	r := b.Result()
	var page bytes.Buffer
	if err := r.WritePage(&page, "v1.2.3"); err != nil {
		t.Fatal(err)
	}
	text := page.String()
	for _, want := range []string{"127.0.0.1:4001", "v1.2.3", "/&lt;b&gt;x&lt;/b&gt;", "1 failed: &lt;script&gt;", "closed loop, 1 at a time", "Latency by percentile", "Throughput over time"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q on the page", want)
		}
	}
	if strings.Contains(text, "<script>") || strings.Contains(text, "<b>x") {
		t.Error("the page has the markup of a peer")
	}
	if n := strings.Count(text, `<svg viewBox="0 0 640 300"`); n != 3 {
		t.Errorf("%d plots", n)
	}
}

// A run without a success has a page without plots.
func TestWritePageEmpty(t *testing.T) {
	r := finished(Config{Protocol: "/x", Workers: 1}, nil, io.EOF).Result()
	var page bytes.Buffer
	if err := r.WritePage(&page, ""); err != nil || strings.Contains(page.String(), "<svg ") {
		t.Errorf("%v: %d bytes", err, page.Len())
	}
}

// Plots are well formed, have a line for each name of the legend, and points within
// their borders.
func TestPlots(t *testing.T) {
	r := finished(Config{Protocol: "/x", Workers: 1}, []int{1, 10, 100, 1000, 3, 30}).Result()
	for _, p := range r.plots() {
		var svg struct {
			ViewBox string `xml:"viewBox,attr"`
			Label   string `xml:"aria-label,attr"`
			Lines   []struct {
				Points string `xml:"points,attr"`
			} `xml:"polyline"`
			Texts []string `xml:"text"`
		}
		if err := xml.Unmarshal([]byte(p.Picture().Inline()), &svg); err != nil {
			t.Fatalf("%s: %v", p.Title, err)
		}
		if svg.ViewBox != "0 0 640 300" || svg.Label != p.Title+": "+p.About || len(svg.Texts) < 4 {
			t.Errorf("%s: %+v", p.Title, svg)
		}
		if len(svg.Lines) != len(p.Curves) {
			t.Errorf("%s: %d lines, want %d", p.Title, len(svg.Lines), len(p.Curves))
		}
		for _, c := range p.Curves {
			for _, point := range c.Points {
				if point.X < p.X.From || point.X > p.X.To || point.Y < p.Y.From || point.Y > p.Y.To {
					t.Errorf("%s, %s: %v is outside of the axes", p.Title, c.Name, point)
				}
			}
		}
	}
}

// Names of the peer and reasons of failures are no markup on the page.
func TestBenchPageEscapes(t *testing.T) {
	const text = `<i>&"'`
	r := Result{
		Peer: text, Protocol: text, Machine: text, Failed: 1, Failures: map[string]int{text: 1},
		Seconds: 1, Latency: distribution{Min: 10, Max: 100},
		Curve:   []curvePoint{{50, 10}, {100, 100}},
		Moments: []momentResult{{Second: 0, PerSecond: 5, P50: 10, P99: 90, Max: 100}},
	}
	var page bytes.Buffer
	if err := r.WritePage(&page, "v0"); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(page.String(), "<i>") {
		t.Errorf("the page contains markup of the peer:\n%s", page.String())
	}
	// The peer, the protocol in title and heading, the reason and the machine.
	if n := strings.Count(page.String(), "&lt;i&gt;&amp;&#34;&#39;"); n != 5 {
		t.Errorf("the page contains the text %d times:\n%s", n, page.String())
	}
}

// sampleResult is a run of two seconds. In its second moment no negotiation ended.
func sampleResult() Result {
	r := Result{Protocol: "/a", Seconds: 2}
	r.Latency.Min, r.Latency.Max = 12, 34_000
	r.Curve = []curvePoint{{0, 12}, {90, 100}, {99.5, 2000}, {100, 34_000}}
	r.Moments = []momentResult{
		{Second: 1, PerSecond: 12_000, P50: 20, P99: 2000, Max: 34_000},
		{Second: 2},
	}
	return r
}

func ticks(a draw.Axis) string {
	var texts []string
	for _, t := range a.Ticks {
		texts = append(texts, t.Text)
	}
	return strings.Join(texts, ", ")
}

func TestAxes(t *testing.T) {
	plots := sampleResult().plots()
	if len(plots) != 3 {
		t.Fatalf("%d plots, want 3", len(plots))
	}
	curve, overTime, throughput := plots[0], plots[1], plots[2]
	// Each power of ten closer to 100 % is a step, and 100 % itself is not on the axis.
	if got, want := len(curve.Curves[0].Points), 3; got != want {
		t.Errorf("%d percentiles, want %d", got, want)
	}
	if got := ticks(curve.X) + "; " + ticks(curve.Y); got != "0, 90 %, 99 %; 10µs, 100µs, 1ms, 10ms, 100ms" {
		t.Errorf("ticks by percentile: %s", got)
	}
	if got := ticks(overTime.X) + "; " + ticks(overTime.Y); got != "0 s, 0.5 s, 1 s, 1.5 s, 2 s; 10µs, 100µs, 1ms, 10ms, 100ms" {
		t.Errorf("ticks over time: %s", got)
	}
	if got := overTime.Curves[1]; got.Name != "p99" || !slices.Equal(got.Points, []draw.Point{{X: 1, Y: 2000}}) {
		t.Errorf("the second curve over time: %+v", got)
	}
	if got := ticks(throughput.Y); got != "0, 5000, 10k, 15k" {
		t.Errorf("ticks of the throughput: %s", got)
	}
}

// A latency of nothing has an axis, too.
func TestTimeAxis(t *testing.T) {
	for _, c := range []struct {
		lowest, highest float64
		want            string
	}{
		{12, 3456, "10µs, 100µs, 1ms, 10ms"},
		{100, 100, "100µs, 1ms"},
		{0, 0, "0.001µs, 0.01µs"},
	} {
		if got := ticks(timeAxis(c.lowest, c.highest)); got != c.want {
			t.Errorf("%v to %v: %s, want %s", c.lowest, c.highest, got, c.want)
		}
	}
}

// TestFigures checks that the page has the rules for its plots once, and a line for each curve
// in the plot and in the legend.
func TestFigures(t *testing.T) {
	var page bytes.Buffer
	if err := sampleResult().WritePage(&page, ""); err != nil {
		t.Fatal(err)
	}
	for part, want := range map[string]int{".line { fill: none;": 1, `class="line orange"`: 2} {
		if got := strings.Count(page.String(), part); got != want {
			t.Errorf("the page has %q %d times, want %d", part, got, want)
		}
	}
}
