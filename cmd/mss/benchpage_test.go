package main

import (
	"bytes"
	"strings"
	"testing"
)

// Names of the peer and reasons of failures are no markup on the page.
func TestBenchPageEscapes(t *testing.T) {
	const text = `<i>&"'`
	r := benchResult{
		Peer: text, Protocol: text, Machine: text, Failed: 1, Failures: map[string]int{text: 1},
		Seconds: 1, Latency: distribution{Min: 10, Max: 100},
		Curve:   []curvePoint{{50, 10}, {100, 100}},
		Moments: []momentResult{{Second: 0, PerSecond: 5, P50: 10, P99: 90, Max: 100}},
	}
	var page bytes.Buffer
	if err := r.page(&page); err != nil {
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
