package main

import "time"

// What was measured: the processor time of both ends and of the kernel, over
// loopback TCP with the default limits, by BenchmarkTCP in cpu_test.go (medians
// of 9 runs of 6000; 2 vCPU Intel Xeon at 2.8 GHz, Linux 6.18, Go 1.26.8, pinned to
// one CPU that is shared: single runs differ from their median by up to 30 %). An
// exchange is the median of wait and sequential with k = 1, 2, 5 and 10.
const (
	cpuFloor    = 10_600 * time.Nanosecond // one write and one read a side, no protocol
	cpuExchange = 11_700 * time.Nanosecond
	cpuRange    = "10.4 to 12.6"          // by strategy and k
	cpuSegment  = 8_200 * time.Nanosecond // an answer in a second segment
	cpuList     = 6_500 * time.Nanosecond // a list of 20 names, made and read
	cpuLazy     = 8_300 * time.Nanosecond // what a lazy agreement adds to its request and response
)

// cpu is the processor time of all of them.
func (t *totals) cpu() time.Duration {
	return time.Duration(t.exchanges-t.early)*cpuExchange + time.Duration(t.early)*cpuLazy +
		time.Duration(t.split)*cpuSegment + time.Duration(t.lists)*cpuList
}
