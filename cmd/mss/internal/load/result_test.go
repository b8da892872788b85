package load

import (
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/multiselect/multiselect/cmd/mss/internal/exit"
)

// finished returns a load of a second with these latencies in milliseconds, one in each
// hundredth of it, and with failures.
func finished(c Config, latencies []int, failures ...error) *Load {
	c.Duration = time.Second
	b := prepare(c)
	b.peer = "127.0.0.1:4001"
	b.began = time.Unix(1, 0)
	for i, ms := range latencies {
		ended := b.began.Add(time.Duration(i) * 10 * time.Millisecond)
		began := ended.Add(-time.Duration(ms) * time.Millisecond)
		b.record(began, began, began.Add(time.Millisecond), ended, nil)
	}
	for _, err := range failures {
		b.record(b.began, b.began, b.began, b.began, err)
	}
	b.took = time.Second
	return b
}

// The distribution has the latencies that were recorded.
func TestResult(t *testing.T) {
	var latencies []int
	for i := range 100 {
		latencies = append(latencies, 10+i)
	}
	r := finished(Config{Protocol: "/x", Workers: 4, Connections: 2, Rate: 50, Payload: 3}, latencies).Result()
	near := func(got, want float64) bool { return math.Abs(got-want) <= want/500 } // three digits
	d := r.Latency
	if !near(d.Min, 10e3) || !near(d.P50, 59e3) || !near(d.P90, 99e3) || !near(d.P99, 108e3) || !near(d.Max, 109e3) || !near(d.Mean, 59.5e3) {
		t.Errorf("latency %+v", d)
	}
	if !near(r.Opening.Min, 1e3) || !near(r.Opening.Max, 1e3) || !near(r.Agreeing.Max, 108e3) {
		t.Errorf("opening %+v, agreeing %+v", r.Opening, r.Agreeing)
	}
	if r.Succeeded != 100 || r.Failed != 0 || r.PerSecond != 100 || r.ExitCode != exit.OK {
		t.Errorf("%+v", r)
	}
	if r.Loop != "open" || r.Mode != "eager" || r.Concurrency != 4 || r.Connections != 0 || r.Payload != 3 || r.Rate != 50 {
		t.Errorf("%+v", r)
	}
	if len(r.Moments) != moments || r.Moments[0].Second != 0 || !near(r.Moments[30].Second, 0.5) {
		t.Errorf("%d moments", len(r.Moments))
	}
	total := 0.0
	for _, m := range r.Moments {
		total += m.PerSecond / moments
	}
	if math.Abs(total-100) > 0.1 {
		t.Errorf("the moments have %v negotiations", total)
	}
	if first, last := r.Curve[0], r.Curve[len(r.Curve)-1]; first.Percentile != 0 || last.Percentile != 100 || !near(last.US, 109e3) {
		t.Errorf("the curve goes from %+v to %+v", first, last)
	}
}

// Failures are counted by reason, and each after the twentieth reason is another one.
func TestResultFailures(t *testing.T) {
	var failures []error
	for i := range 25 {
		failures = append(failures, errors.New(strings.Repeat("x", 1+i)), errors.New("x"))
	}
	r := finished(Config{Protocol: "/x", Workers: 1, Lazy: true}, nil, failures...).Result()
	if r.Failed != 50 || r.Succeeded != 0 || r.ExitCode != exit.Finding || r.Mode != "lazy" || r.Loop != "closed" {
		t.Errorf("%+v", r)
	}
	if len(r.Failures) != maxFailures+1 || r.Failures["x"] != 26 || r.Failures["other reasons"] != 5 {
		t.Errorf("%d reasons: %v", len(r.Failures), r.Failures)
	}
	if r.Latency != (distribution{}) || r.Curve != nil || r.Moments[0].Failed != 50 {
		t.Errorf("%+v", r)
	}
	if text := r.Text(); !strings.Contains(text, "0 negotiations in 1.00 s: 0/s, 50 failed\n") || !strings.Contains(text, "\n26 failed: x") {
		t.Errorf("text\n%s", text)
	}
}

// The text has the setting, the rates and a row for each distribution.
func TestResultText(t *testing.T) {
	for _, c := range []struct {
		config Config
		shared bool
		want   []string
	}{
		{Config{Protocol: "/x", Workers: 8}, false, []string{"closed loop, 8 at a time, eager, a connection for each\n", "from the time it was begun", "connecting"}},
		{Config{Protocol: "/x", Workers: 8, Connections: 1, Lazy: true}, true, []string{"closed loop, 8 at a time, lazy, streams on one connection\n", "opening"}},
		{Config{Protocol: "/x", Workers: 2, Connections: 3, Rate: 12.5, Payload: 1}, true, []string{
			"open loop, 12.5 due in a second, at most 2 at a time, eager, streams on 3 connections, 1 byte echoed\n", "from the time it was due",
		}},
	} {
		b := finished(c.config, []int{10, 20})
		b.shared = c.shared
		r := b.Result()
		text := r.Text()
		for _, row := range r.rows() {
			text += row.about + "\n"
		}
		for _, want := range append(c.want, "/x of 127.0.0.1:4001\n", "2 negotiations in 1.00 s: 2/s, 0 failed\n", "p99.99", "latency", "agreeing") {
			if !strings.Contains(text, want) {
				t.Errorf("no %q in\n%s", want, text)
			}
		}
	}
}

// The names of a document do not change.
func TestResultJSON(t *testing.T) {
	r := finished(Config{Protocol: "/x", Workers: 1}, []int{1}, errors.New("x")).Result()
	document, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]any
	if err := json.Unmarshal(document, &fields); err != nil {
		t.Fatal(err)
	}
	var names []string
	for name := range fields {
		names = append(names, name)
	}
	slices.Sort(names)
	want := "agreeing concurrency connections curve exit_code failed failures latency loop machine mode moments opening payload peer per_second protocol seconds succeeded"
	if got := strings.Join(names, " "); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestCurvePercentiles(t *testing.T) {
	for _, samples := range []int64{1, 10, 1000, 1_000_000} {
		all := curvePercentiles(samples)
		if !slices.IsSorted(all) || all[0] != 0 || all[len(all)-1] != 100 {
			t.Errorf("%d samples: %v", samples, all)
		}
		if rest := 1 - all[len(all)-2]/100; samples > 1 && (rest > 1/float64(samples) || rest < 0.5/float64(samples)) {
			t.Errorf("%d samples: the last step leaves %v", samples, rest)
		}
	}
}

func TestShortTime(t *testing.T) {
	for us, want := range map[float64]string{0: "0", 0.5: "0.5µs", 12.34: "12.3µs", 999: "999µs", 1234: "1.23ms", 2.5e6: "2.5s"} {
		if got := shortTime(us); got != want {
			t.Errorf("%v: %s, want %s", us, got, want)
		}
	}
}
