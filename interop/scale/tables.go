package main

import (
	"fmt"
	"strings"
	"time"
)

// table is markdown: all columns but the first are numbers.
func table(heads []string, rows [][]string) string {
	var b strings.Builder
	line := func(cells []string) { fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | ")) }
	line(heads)
	rule := []string{"---"}
	for range heads[1:] {
		rule = append(rule, "--:")
	}
	line(rule)
	for _, row := range rows {
		line(row)
	}
	return strings.TrimSpace(b.String())
}

// tableKs are the positions in the tables; 0 is nothing in common.
var tableKs = []int{1, 2, 5, 10, 0}

// perK is a table with a row for each strategy and a column for each k.
func perK(figure func(cost) string) string {
	heads := []string{"strategy"}
	for _, k := range tableKs {
		if k == 0 {
			heads = append(heads, "none of 11")
		} else {
			heads = append(heads, fmt.Sprintf("k = %d", k))
		}
	}
	var rows [][]string
	add := func(s strategy, name string, m memory) {
		row := []string{name}
		for _, k := range tableKs {
			row = append(row, figure(s.cost(dialAt(k, peerNames, m))))
		}
		rows = append(rows, row)
	}
	add(wait, wait.name, stranger)
	add(sequential, sequential.name, stranger)
	add(ls, ls.name, stranger)
	add(remembered, "remembered, right", right)
	add(remembered, "remembered, stale", stale)
	add(lazy, lazy.name, stranger)
	add(lazyEach, lazyEach.name, stranger)
	add(held, held.name, stranger)
	return table(heads, rows)
}

func timeTable() string {
	return perK(func(c cost) string {
		var cells []string
		for _, r := range rtts {
			cells = append(cells, thousands(int(c.time(r.rtt, 0).Milliseconds())))
		}
		return strings.Join(cells, " / ")
	})
}

func byteTable() string {
	return perK(func(c cost) string {
		return fmt.Sprintf("%d + %d (%d + %d)", c.out.bytes, c.in.bytes, c.out.segments, c.in.segments)
	})
}

// atOnce is how many dials a crawler of the tables has under way.
const atOnce = 1000

// populationTable is what 10^6 peers take.
func populationTable(s success) string {
	heads := []string{"strategy", "round trips", "MB", "MB on IPv4", "core s", "mean ms", "p50", "p90", "p99", "all of them"}
	var rows [][]string
	add := func(st strategy, name string, noList bool) {
		t := totalsOf(st, s.sample(noList))
		rows = append(rows, []string{
			name,
			fmt.Sprintf("%.2f", float64(t.roundTrips)/float64(t.count)),
			megabytes(t.bytes * scaleUp),
			megabytes(t.packets * scaleUp),
			fmt.Sprintf("%.0f", (t.cpu() * scaleUp).Seconds()),
			fmt.Sprintf("%.0f", milliseconds(t.mean())),
			ms(t.percentile(50)), ms(t.percentile(90)), ms(t.percentile(99)),
			fmt.Sprintf("%.0f s", (t.waited * scaleUp / atOnce).Seconds()),
		})
	}
	for _, st := range strategies {
		add(st, st.name, false)
		if st.name == ls.name {
			add(st, "… if nobody tells", true)
		}
	}
	return table(heads, rows)
}

func ms(d time.Duration) string { return thousands(int(d.Milliseconds())) }

func megabytes(bytes int) string { return fmt.Sprintf("%.0f", float64(bytes)/1e6) }

// thousands writes 1100 as 1 100, with a space that does not break.
func thousands(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%d\u00a0%03d", n/1000, n%1000)
}
