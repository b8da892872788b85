package main

import (
	"fmt"
	"time"
)

// facts are the figures in the prose of the document, so that none of them can
// differ from the tables.
type facts struct {
	NameSize, PeerNames, ListSize int
	HoursWaited, FirstMB          string
	CPUExchange, CPUFloor         string
	CPUSegment, CPUList, CPULazy  string
	CPURange                      string
	Payload, RefusedBytes         int    // of a lazy stream; what its refusal takes more than that of a name
	Slower                        string // one RTT of 100 ms over the processor's time
	LsInVain, BreakEven5          int
	MaxK300                       int
	NamesInWindow                 int
	MeanRTT                       string
	Mixes                         []mixFacts
	RefusedShare, RefusedWait     string // in the migration
}

type mixFacts struct {
	Name, Table string
}

// initialWindow is what TCP sends before the first acknowledgement (RFC 6928).
const initialWindow = 10 * segmentSize

func collect() facts {
	first := sequentialCost(dialAt(1, peerNames, stranger))
	migration := successes[1]
	inOrder := totalsOf(sequential, migration.sample(false))
	f := facts{
		NameSize:      size(names(1)[0]),
		PeerNames:     peerNames,
		ListSize:      dialAt(1, peerNames, stranger).list(),
		HoursWaited:   fmt.Sprintf("%.0f", (population * meanRTT()).Hours()),
		FirstMB:       megabytes(population * first.bytes()),
		CPUExchange:   microseconds(cpuExchange),
		CPUFloor:      microseconds(cpuFloor),
		CPUSegment:    microseconds(cpuSegment),
		CPUList:       microseconds(cpuList),
		CPULazy:       microseconds(cpuLazy),
		CPURange:      cpuRange,
		Payload:       samplePayload,
		RefusedBytes:  2 * headerSize,
		Slower:        thousands(int(plotRTT/cpuExchange) / 1000 * 1000),
		BreakEven5:    breakEven(5),
		MaxK300:       int(10 * time.Second / (300 * time.Millisecond)),
		NamesInWindow: initialWindow / size(names(1)[0]) / 10 * 10,
		MeanRTT:       fmt.Sprintf("%.0f", milliseconds(meanRTT())),
	}
	told := dialAt(2, peerNames, stranger)
	told.noList = true
	f.LsInVain = lsCost(told).bytes() - sequentialCost(told).bytes()
	f.RefusedShare, f.RefusedWait = shareOfRefused(migration, inOrder)
	for _, s := range successes {
		f.Mixes = append(f.Mixes, mixFacts{s.name, populationTable(s)})
	}
	return f
}

// meanRTT is that of the sample.
func meanRTT() (mean time.Duration) {
	for _, r := range rtts {
		mean += time.Duration(r.part) * r.rtt
	}
	return mean / rttParts
}

// breakEven is the first k at which the list of a peer with n names is fewer
// bytes than asking name by name.
func breakEven(n int) int {
	for k := 1; k <= sampleNames-1; k++ {
		if d := dialAt(k, n, stranger); lsCost(d).bytes() < sequentialCost(d).bytes() {
			return k
		}
	}
	return 0
}

// shareOfRefused is how many peers have nothing in common, and how much of the
// waiting is for them, in percent.
func shareOfRefused(s success, all totals) (share, waiting string) {
	var none totals
	for _, c := range s.sample(false) {
		if cost := sequentialCost(c.dial); c.k() == 0 {
			none.add(cost, cost.time(c.rtt, 0), false, c.count)
		}
	}
	percent := func(part, whole int) string { return fmt.Sprintf("%.0f", 100*float64(part)/float64(whole)) }
	return percent(none.count, all.count), percent(int(none.waited), int(all.waited))
}

// trips is the mean number of round trips of a strategy in a distribution.
func trips(strategyName, successName string) string {
	for _, st := range strategies {
		for _, s := range successes {
			if st.name == strategyName && s.name == successName {
				t := totalsOf(st, s.sample(false))
				return fmt.Sprintf("%.2f", float64(t.roundTrips)/float64(t.count))
			}
		}
	}
	panic(strategyName + " or " + successName)
}

func microseconds(d time.Duration) string {
	return fmt.Sprintf("%.1f", float64(d)/float64(time.Microsecond))
}
