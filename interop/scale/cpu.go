package main

import "time"

// What was measured: the processor time of both ends and of the kernel, over
// loopback TCP with the default limits, by BenchmarkTCP in cpu_test.go (medians
// of 7 to 9; 2 vCPU AMD EPYC, Linux 6.18, Go 1.26.8, pinned to one CPU). It is
// the same for each exchange within 4 %, whatever the strategy and k, but for
// answers to "ls".
const (
	cpuFloor    = 13_400 * time.Nanosecond // one write and one read a side, no protocol
	cpuExchange = 14_000 * time.Nanosecond
	cpuSegment  = 9_500 * time.Nanosecond // an answer in a second segment
	cpuList     = 6_500 * time.Nanosecond // a list of 20 names, made and read
)

// cpu is the processor time of all of them.
func (t *totals) cpu() time.Duration {
	return time.Duration(t.exchanges)*cpuExchange + time.Duration(t.split)*cpuSegment + time.Duration(t.lists)*cpuList
}
