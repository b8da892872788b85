package load

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
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
	if n := strings.Count(text, "<svg "); n != 3 {
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
		var chart bytes.Buffer
		p.draw(&chart)
		if err := xml.Unmarshal(chart.Bytes(), &svg); err != nil {
			t.Fatalf("%s: %v", p.Title, err)
		}
		if svg.ViewBox != "0 0 640 300" || svg.Label != p.Title+": "+p.About || len(svg.Texts) < 4 {
			t.Errorf("%s: %+v", p.Title, svg)
		}
		if len(svg.Lines) != len(p.lines) {
			t.Errorf("%s: %d lines, want %d", p.Title, len(svg.Lines), len(p.lines))
		}
		for _, l := range p.lines {
			for _, point := range l.points {
				x, y := p.x.place(point[0], marginLeft, plotWidth), p.y.place(point[1], plotHeight, marginTop)
				if x < marginLeft || x > plotWidth || y < marginTop || y > plotHeight {
					t.Errorf("%s, %s: %v is at %v, %v", p.Title, l.name, point, x, y)
				}
			}
		}
	}
}

// A linear axis begins at 0 and has a handful of round ticks, the last of them not below
// the highest value.
func TestLinear(t *testing.T) {
	for highest, want := range map[float64]string{
		0:       "0 0.2 0.4 0.6 0.8 1 1.2",
		1:       "0 0.2 0.4 0.6 0.8 1 1.2",
		3:       "0 0.5 1 1.5 2 2.5 3 3.5",
		7:       "0 1 2 3 4 5 6 7 8",
		4321:    "0 500 1000 1500 2000 2500 3000 3500 4000 4500",
		123_456: "0 20k 40k 60k 80k 100k 120k 140k",
	} {
		a := linear(highest, plain)
		var ticks []string
		for _, tick := range a.ticks {
			ticks = append(ticks, tick.text)
		}
		if got := strings.Join(ticks, " "); got != want || a.to < highest {
			t.Errorf("%v: %s up to %v, want %s", highest, got, a.to, want)
		}
	}
}

// A logarithmic axis has the powers of ten around its values.
func TestLogarithmic(t *testing.T) {
	for _, c := range []struct {
		lowest, highest float64
		want            string
	}{
		{12, 3456, "10µs 100µs 1ms 10ms"},
		{100, 100, "100µs 1ms"},
		{0, 0, "0.001µs 0.01µs"},
	} {
		a := logarithmic(c.lowest, c.highest, shortTime)
		var ticks []string
		for _, tick := range a.ticks {
			ticks = append(ticks, tick.text)
		}
		if got := strings.Join(ticks, " "); got != c.want {
			t.Errorf("%v to %v: %s, want %s", c.lowest, c.highest, got, c.want)
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
