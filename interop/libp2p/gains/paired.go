package main

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
)

const (
	pairs      = 9  // of processes
	batches    = 41 // of streams, of each kind and process
	batchSize  = 60
	warmUpSize = 300
)

// kinds are the kinds of streams whose processor time is measured.
var kinds = []string{"lazy", "eager", "third"}

// process is a host pair that opens batches of streams; see node/paired.go.
type process struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Scanner
}

func startProcess(binary, transport string) (*process, error) {
	p := &process{cmd: exec.Command(binary, "paired", transport)}
	p.cmd.Stderr = os.Stderr
	p.cmd.Env = append(os.Environ(), "GOMAXPROCS=1") // the ratios vary less
	var err error
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.out = bufio.NewScanner(out)
	return p, p.cmd.Start()
}

// open opens a batch, and returns the processor time of a stream in µs.
func (p *process) open(kind string, number int) (float64, error) {
	if _, err := fmt.Fprintln(p.in, kind, number); err != nil {
		return 0, err
	}
	if !p.out.Scan() {
		return 0, fmt.Errorf("a process ended: %w", p.cmd.Wait())
	}
	var nanoseconds float64
	_, err := fmt.Sscan(p.out.Text(), &nanoseconds)
	return nanoseconds / 1000, err
}

func (p *process) end() error {
	p.in.Close()
	return p.cmd.Wait()
}

// measurePaired measures one pair of processes that open batches in turns, in random order. It
// adds the median of each process to the samples of its side, and the median of the ratios of
// the batches to ratios, by kind.
func measurePaired(sides []side, transport string, ratios samples) error {
	processes := make([]*process, len(sides))
	for i, s := range sides {
		var err error
		if processes[i], err = startProcess(s.binary, transport); err != nil {
			return err
		}
		defer processes[i].end()
		for _, kind := range kinds {
			if _, err := processes[i].open(kind, warmUpSize); err != nil {
				return err
			}
		}
	}
	for _, kind := range kinds {
		took := make([][]float64, len(sides))
		var ratio []float64
		for range batches {
			for _, i := range rand.Perm(len(sides)) {
				each, err := processes[i].open(kind, batchSize)
				if err != nil {
					return err
				}
				took[i] = append(took[i], each)
			}
			last := len(took[0]) - 1
			ratio = append(ratio, took[1][last]/took[0][last])
		}
		for i, s := range sides {
			s.add(transport, kind+" paired µs", median(took[i]))
		}
		ratios[kind] = append(ratios[kind], median(ratio))
	}
	return nil
}

// loadAverage returns the load of the machine in the last minute, as Linux prints it.
func loadAverage() string {
	content, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "not known"
	}
	first, _, _ := strings.Cut(string(content), " ")
	return first
}
