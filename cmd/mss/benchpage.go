package main

import (
	"bytes"
	_ "embed"
	"fmt"
	"html"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
)

//go:embed benchpage.css
var benchCSS string

// page writes the result as one self-contained HTML document. The sizes of mss and of its
// start are the reason for the absence of html/template.
func (r benchResult) page(w io.Writer) error {
	var b bytes.Buffer
	protocol, failed := html.EscapeString(r.Protocol), ""
	if r.Failed > 0 {
		failed = ` class="bad"`
	}
	fmt.Fprintf(&b, `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>mss bench: %s</title>
<style>
%s</style>
<h1>%[1]s</h1>
<p>%[3]s</p>
<p class="faint">%[4]s</p>
`, protocol, benchCSS, html.EscapeString(r.Peer), html.EscapeString(r.setting()))
	fmt.Fprintf(&b, `<dl class="figures">
  <div><dt>in a second</dt><dd>%.0f</dd></div>
  <div><dt>median</dt><dd>%s</dd></div>
  <div><dt>99 of 100 below</dt><dd>%s</dd></div>
  <div><dt>negotiations in %.2f s</dt><dd>%d</dd></div>
  <div><dt>failed</dt><dd%s>%d</dd></div>
</dl>
`, r.PerSecond, shortTime(r.Latency.P50), shortTime(r.Latency.P99), r.Seconds, r.Succeeded, failed, r.Failed)
	for _, kind := range slices.Sorted(maps.Keys(r.Failures)) {
		fmt.Fprintf(&b, "<p class=\"bad\">%d failed: %s</p>\n", r.Failures[kind], html.EscapeString(kind))
	}
	r.writeTable(&b)
	b.WriteString(`<div class="plots">`)
	for _, p := range r.plots() {
		p.write(&b)
	}
	fmt.Fprintf(&b, "\n</div>\n<footer class=\"faint\">mss %s bench on %s</footer>\n</html>\n",
		html.EscapeString(thisBuild().name()), html.EscapeString(r.Machine))
	_, err := w.Write(b.Bytes())
	return err
}

// writeTable writes the distributions, and below them the meaning of each.
func (r benchResult) writeTable(b *bytes.Buffer) {
	b.WriteString(`<div class="wide"><table>
<thead><tr><th></th><th>min</th><th>mean</th><th>p50</th><th>p90</th><th>p99</th><th>p99.9</th><th>p99.99</th><th>max</th></tr></thead>
<tbody>`)
	rows := r.rows()
	for _, row := range rows {
		fmt.Fprintf(b, "\n<tr><th title=\"%s\">%s</th>", html.EscapeString(row.about), html.EscapeString(row.name))
		for _, us := range row.cells() {
			fmt.Fprintf(b, "<td>%s</td>", shortTime(us))
		}
		b.WriteString("</tr>")
	}
	b.WriteString("\n</tbody></table></div>\n")
	for _, row := range rows {
		fmt.Fprintf(b, "<p class=\"faint\"><b>%s</b>: %s</p>\n", html.EscapeString(row.name), html.EscapeString(row.about))
	}
}

// cells returns the times in the order of the table's heads.
func (r distributionRow) cells() []float64 {
	return []float64{r.d.Min, r.d.Mean, r.d.P50, r.d.P90, r.d.P99, r.d.P999, r.d.P9999, r.d.Max}
}

func (r benchResult) plots() []plot {
	if len(r.Curve) == 0 {
		return nil
	}
	return []plot{r.curvePlot(), r.overTime(), r.throughput()}
}

// curvePlot is the latency by percentile; each step to the right leaves a tenth.
func (r benchResult) curvePlot() plot {
	p := plot{Title: "Latency by percentile", About: "the share on the horizontal axis stayed below the curve"}
	decades := 1.0
	nines := func(percentile float64) float64 { return -math.Log10(max(1-percentile/100, 1e-9)) }
	l := line{name: "latency"}
	for _, c := range r.Curve[:len(r.Curve)-1] { // 100 % is nowhere on this axis
		l.points = append(l.points, [2]float64{nines(c.Percentile), math.Log10(max(c.US, 1e-3))})
		decades = max(decades, nines(c.Percentile))
	}
	p.x = axis{to: decades}
	for i, text := range []string{"0", "90 %", "99 %", "99.9 %", "99.99 %", "99.999 %", "99.9999 %"} {
		if float64(i) <= decades {
			p.x.ticks = append(p.x.ticks, tick{float64(i), text})
		}
	}
	p.y = logarithmic(r.Latency.Min, r.Latency.Max, shortTime)
	p.lines = []line{l}
	return p
}

// overTime is the latency during the run.
func (r benchResult) overTime() plot {
	p := plot{Title: "Latency over time", About: "of the negotiations that ended in each part of the run"}
	lines := []line{{name: "p50"}, {name: "p99"}, {name: "max"}}
	lowest, highest := math.Inf(1), 0.0
	for _, m := range r.Moments {
		if m.Max == 0 {
			continue // none ended
		}
		lowest, highest = min(lowest, m.P50), max(highest, m.Max)
		for i, us := range []float64{m.P50, m.P99, m.Max} {
			lines[i].points = append(lines[i].points, [2]float64{m.Second, math.Log10(max(us, 1e-3))})
		}
	}
	p.x, p.y, p.lines = r.seconds(), logarithmic(lowest, highest, shortTime), lines
	return p
}

func (r benchResult) throughput() plot {
	p := plot{Title: "Throughput over time", About: "negotiations in a second that succeeded"}
	l := line{name: "per second"}
	highest := 0.0
	for _, m := range r.Moments {
		highest = max(highest, m.PerSecond)
		l.points = append(l.points, [2]float64{m.Second, m.PerSecond})
	}
	p.x, p.y, p.lines = r.seconds(), linear(highest, plain), []line{l}
	return p
}

func (r benchResult) seconds() axis {
	a := linear(r.Seconds, func(v float64) string { return plain(v) + " s" })
	a.to = max(r.Seconds, r.Moments[len(r.Moments)-1].Second)
	for len(a.ticks) > 1 && a.ticks[len(a.ticks)-1].at > a.to {
		a.ticks = a.ticks[:len(a.ticks)-1]
	}
	return a
}

// plain writes a number without an exponent.
func plain(v float64) string {
	if v >= 10_000 {
		return fmt.Sprintf("%sk", strconv.FormatFloat(v/1000, 'f', -1, 64))
	}
	return strconv.FormatFloat(math.Round(v*1e6)/1e6, 'f', -1, 64)
}
