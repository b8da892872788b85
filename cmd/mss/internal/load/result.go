package load

import (
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/multiselect/multiselect/cmd/mss/internal/attempt"
	"github.com/multiselect/multiselect/cmd/mss/internal/exit"
	"github.com/multiselect/multiselect/cmd/mss/internal/terminal"
)

// Result is a run of bench as a JSON document. Times are in microseconds.
type Result struct {
	Peer        string         `json:"peer"`
	Protocol    string         `json:"protocol"`
	Loop        string         `json:"loop"`           // closed or open
	Mode        string         `json:"mode"`           // eager or lazy
	Rate        float64        `json:"rate,omitempty"` // due in a second
	Concurrency int            `json:"concurrency"`
	Connections int            `json:"connections"` // 0: one for each negotiation
	Payload     int            `json:"payload"`
	Seconds     float64        `json:"seconds"`
	Succeeded   int64          `json:"succeeded"`
	Failed      int64          `json:"failed"`
	PerSecond   float64        `json:"per_second"`
	Latency     distribution   `json:"latency"`
	Opening     distribution   `json:"opening"`
	Agreeing    distribution   `json:"agreeing"`
	Failures    map[string]int `json:"failures,omitempty"`
	Moments     []momentResult `json:"moments"`
	Curve       []curvePoint   `json:"curve"` // of the latency
	Machine     string         `json:"machine"`
	ExitCode    int            `json:"exit_code"`
}

// distribution holds percentiles of times.
type distribution struct {
	Min   float64 `json:"min_us"`
	Mean  float64 `json:"mean_us"`
	P50   float64 `json:"p50_us"`
	P90   float64 `json:"p90_us"`
	P99   float64 `json:"p99_us"`
	P999  float64 `json:"p99_9_us"`
	P9999 float64 `json:"p99_99_us"`
	Max   float64 `json:"max_us"`
}

type momentResult struct {
	Second    float64 `json:"second"` // when it began
	PerSecond float64 `json:"per_second"`
	P50       float64 `json:"p50_us"`
	P99       float64 `json:"p99_us"`
	Max       float64 `json:"max_us"`
	Failed    int     `json:"failed"`
}

type curvePoint struct {
	Percentile float64 `json:"percentile"`
	US         float64 `json:"us"`
}

func micros(nanoseconds int64) float64 { return float64(nanoseconds) / 1000 }

func distributionOf(h *hdrhistogram.Histogram) distribution {
	if h.TotalCount() == 0 {
		return distribution{}
	}
	at := func(percentile float64) float64 { return micros(h.ValueAtPercentile(percentile)) }
	return distribution{micros(h.Min()), h.Mean() / 1000, at(50), at(90), at(99), at(99.9), at(99.99), micros(h.Max())}
}

// Result describes a run that has ended.
func (b *Load) Result() Result {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := &b.config
	r := Result{
		Peer: b.peer, Protocol: c.Protocol, Loop: "closed", Mode: "eager", Rate: c.Rate,
		Concurrency: c.Workers, Payload: c.Payload, Seconds: b.took.Seconds(),
		Succeeded: b.latency.TotalCount(), Failed: int64(b.failed), Failures: b.failures,
		Latency: distributionOf(b.latency), Opening: distributionOf(b.opening), Agreeing: distributionOf(b.agreeing),
		Machine: fmt.Sprintf("%s/%s, %d processors, %s", runtime.GOOS, runtime.GOARCH, runtime.GOMAXPROCS(0), runtime.Version()),
	}
	if c.Rate > 0 {
		r.Loop = "open"
	}
	if c.Lazy {
		r.Mode = attempt.LazyMode
	}
	if b.shared {
		r.Connections = c.Connections
	}
	if b.took > 0 {
		r.PerSecond = float64(r.Succeeded) / r.Seconds
	}
	if r.Failed > 0 {
		r.ExitCode = exit.Finding
	}
	b.timeline(&r)
	return r
}

// timeline adds the moments of the run, up to its end, and the curve of
// percentiles.
func (b *Load) timeline(r *Result) {
	length := b.config.Duration / moments
	for i := range b.moments {
		m := &b.moments[i]
		start := time.Duration(i) * length
		if start >= b.took {
			break
		}
		covered := min(length, b.took-start)
		if i == moments-1 {
			covered = b.took - start // with those that ended late
		}
		d := distributionOf(m.latency)
		r.Moments = append(r.Moments, momentResult{
			start.Seconds(), float64(m.latency.TotalCount()) / covered.Seconds(), d.P50, d.P99, d.Max, m.failed,
		})
	}
	if b.latency.TotalCount() == 0 {
		return
	}
	for _, percentile := range curvePercentiles(b.latency.TotalCount()) {
		r.Curve = append(r.Curve, curvePoint{percentile, micros(b.latency.ValueAtPercentile(percentile))})
	}
}

// curvePercentiles returns percentiles that approach 100, as far as a number of
// samples supports them.
func curvePercentiles(samples int64) []float64 {
	all := []float64{0}
	for rest := 1.0; rest > 1/float64(samples) && len(all) < 200; rest /= 1.25 {
		all = append(all, 100*(1-rest/1.25))
	}
	return append(all, 100)
}

// Text is the result for a terminal.
func (r Result) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s of %s\n%s\n\n", r.Protocol, r.Peer, r.setting())
	fmt.Fprintf(&b, "%d negotiations in %.2f s: %.0f/s, %d failed\n\n", r.Succeeded, r.Seconds, r.PerSecond, r.Failed)
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\tmin\tmean\tp50\tp90\tp99\tp99.9\tp99.99\tmax\t")
	for _, row := range r.rows() {
		d := row.d
		fmt.Fprintf(w, "%s\t", row.name)
		for _, us := range []float64{d.Min, d.Mean, d.P50, d.P90, d.P99, d.P999, d.P9999, d.Max} {
			fmt.Fprintf(w, "%s\t", shortTime(us))
		}
		fmt.Fprintln(w)
	}
	w.Flush()
	for _, kind := range slices.Sorted(maps.Keys(r.Failures)) {
		fmt.Fprintf(&b, "\n%d failed: %s", r.Failures[kind], kind)
	}
	if len(r.Failures) > 0 {
		b.WriteByte('\n')
	}
	return b.String()
}

type distributionRow struct {
	name, about string
	d           distribution
}

func (r Result) rows() []distributionRow {
	opened, since := "connecting", "begun"
	if r.Connections > 0 {
		opened = "opening"
	}
	if r.Loop == "open" {
		since = "due"
	}
	return []distributionRow{
		{"latency", "from the time it was " + since + " to its end", r.Latency},
		{opened, "until the stream was open", r.Opening},
		{"agreeing", "the negotiation, and the payload if there is one", r.Agreeing},
	}
}

// setting describes the run in words.
func (r Result) setting() string {
	loop := fmt.Sprintf("closed loop, %d at a time", r.Concurrency)
	if r.Loop == "open" {
		loop = fmt.Sprintf("open loop, %g due in a second, at most %d at a time", r.Rate, r.Concurrency)
	}
	on := "a connection for each"
	if r.Connections > 0 {
		on = fmt.Sprintf("streams on %d connections", r.Connections)
		if r.Connections == 1 {
			on = "streams on one connection"
		}
	}
	text := loop + ", " + r.Mode + ", " + on
	if r.Payload > 0 {
		text += fmt.Sprintf(", %s echoed", terminal.CountBytes(r.Payload))
	}
	return text
}

// shortTime writes microseconds with three digits.
func shortTime(us float64) string {
	switch {
	case us == 0:
		return "0"
	case us < 1000:
		return fmt.Sprintf("%.3gµs", us)
	case us < 1e6:
		return fmt.Sprintf("%.3gms", us/1000)
	}
	return fmt.Sprintf("%.3gs", us/1e6)
}
