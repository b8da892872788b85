package load

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

	"github.com/multiselect/multiselect/internal/draw"
)

//go:embed page.css
var benchCSS string

// WritePage writes the result as one self-contained HTML document, with the version of
// mss. It does not use html/template, which would make mss larger and its start slower.
func (r Result) WritePage(w io.Writer, version string) error {
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
%s%s</style>
<h1>%[1]s</h1>
<p>%[4]s</p>
<p class="faint">%[5]s</p>
`, protocol, draw.ChartStyle, benchCSS, html.EscapeString(r.Peer), html.EscapeString(r.setting()))
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
		writeFigure(&b, p)
	}
	fmt.Fprintf(&b, "\n</div>\n<footer class=\"faint\">mss %s bench on %s</footer>\n</html>\n",
		html.EscapeString(version), html.EscapeString(r.Machine))
	_, err := w.Write(b.Bytes())
	return err
}

// writeTable writes the distributions, and below them the meaning of each.
func (r Result) writeTable(b *bytes.Buffer) {
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

// writeFigure writes a plot, with its title and legend outside of the picture.
func writeFigure(b *bytes.Buffer, p draw.Lines) {
	fmt.Fprintf(b, "\n<figure>\n<h2>%s", html.EscapeString(p.Title))
	if len(p.Curves) > 1 {
		b.WriteString(`<span class="legend">`)
		for _, c := range p.Curves {
			fmt.Fprintf(b, `<span><svg viewBox="0 0 28 4" aria-hidden="true"><line x2="28" y1="2" y2="2" class="line %s"/></svg>%s</span>`,
				c.Ink, html.EscapeString(c.Name))
		}
		b.WriteString(`</span>`)
	}
	fmt.Fprintf(b, "</h2>\n<figcaption>%s</figcaption>\n%s\n</figure>", html.EscapeString(p.About), p.Picture().Inline())
}

func (r Result) plots() []draw.Lines {
	if len(r.Curve) == 0 {
		return nil
	}
	return []draw.Lines{r.curvePlot(), r.overTime(), r.throughput()}
}

// curvePlot is the latency by percentile; each step to the right leaves a tenth.
func (r Result) curvePlot() draw.Lines {
	p := draw.Lines{Title: "Latency by percentile", About: "the share on the horizontal axis stayed below the curve", Bare: true}
	p.X.To = 1
	nines := func(percentile float64) float64 { return -math.Log10(max(1-percentile/100, 1e-9)) }
	latency := newCurve("latency", draw.Blue)
	for _, c := range r.Curve[:len(r.Curve)-1] { // 100 % is nowhere on this axis
		// The percentile 0 of the histogram is 0, and not the least value.
		latency.Points = append(latency.Points, draw.Point{X: nines(c.Percentile), Y: max(c.US, r.Latency.Min)})
		p.X.To = max(p.X.To, nines(c.Percentile))
	}
	for i, text := range []string{"0", "90 %", "99 %", "99.9 %", "99.99 %", "99.999 %", "99.9999 %"} {
		if float64(i) <= p.X.To {
			p.X.Ticks = append(p.X.Ticks, draw.Tick{At: float64(i), Text: text})
		}
	}
	p.Y = timeAxis(r.Latency.Min, r.Latency.Max)
	p.Curves = []draw.Curve{latency}
	return p
}

// overTime is the latency during the run.
func (r Result) overTime() draw.Lines {
	p := draw.Lines{Title: "Latency over time", About: "of the negotiations that ended in each part of the run", Bare: true}
	p.Curves = []draw.Curve{newCurve("p50", draw.Blue), newCurve("p99", draw.Orange), newCurve("max", draw.Pink)}
	lowest, highest := math.Inf(1), 0.0
	for _, m := range r.Moments {
		if m.Max == 0 {
			continue // none ended
		}
		lowest, highest = min(lowest, m.P50), max(highest, m.Max)
		for i, us := range []float64{m.P50, m.P99, m.Max} {
			p.Curves[i].Points = append(p.Curves[i].Points, draw.Point{X: m.Second, Y: us})
		}
	}
	p.X, p.Y = r.secondsAxis(), timeAxis(min(lowest, highest), highest)
	return p
}

func (r Result) throughput() draw.Lines {
	p := draw.Lines{Title: "Throughput over time", About: "negotiations in a second that succeeded", Bare: true}
	succeeded := newCurve("per second", draw.Blue)
	highest := 0.0
	for _, m := range r.Moments {
		highest = max(highest, m.PerSecond)
		succeeded.Points = append(succeeded.Points, draw.Point{X: m.Second, Y: m.PerSecond})
	}
	p.X, p.Y, p.Curves = r.secondsAxis(), draw.Linear("", highest, plain), []draw.Curve{succeeded}
	return p
}

func newCurve(name string, ink draw.Ink) draw.Curve {
	return draw.Curve{Series: draw.Series{Name: name, Ink: ink}}
}

// timeAxis returns the axis of a latency in microseconds, of which the least is a nanosecond.
func timeAxis(lowest, highest float64) draw.Axis {
	return draw.Decades("", max(lowest, 1e-3), max(highest, 1e-3), shortTime)
}

// secondsAxis returns the axis of the run, which ends with its last part.
func (r Result) secondsAxis() draw.Axis {
	a := draw.Linear("", r.Seconds, func(v float64) string { return plain(v) + " s" })
	a.To = max(r.Seconds, r.Moments[len(r.Moments)-1].Second)
	for len(a.Ticks) > 1 && a.Ticks[len(a.Ticks)-1].At > a.To {
		a.Ticks = a.Ticks[:len(a.Ticks)-1]
	}
	return a
}

// plain writes a number without an exponent.
func plain(v float64) string {
	if v >= 10_000 {
		return fmt.Sprintf("%sk", strconv.FormatFloat(v/1000, 'f', -1, 64))
	}
	return draw.Number(v)
}
