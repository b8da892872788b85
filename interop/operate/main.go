// Operate runs mss serve as an operator would, on each form of address, under a mixed load with
// faults, and checks that its log, its metrics and its shutdown tell what has happened:
//
//	GOWORK=off go run ./operate -for 30m
//
// It builds mss, and writes a report. Clients that agree are counted here and there; others are
// silent, send garbage, are killed, or ask for targets that fail, and one has an open stream at
// SIGTERM. It is for Linux.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

func main() {
	duration := flag.Duration("for", 2*time.Minute, "the duration of the load")
	rate := flag.Int("rate", 20, "negotiations a second on each address")
	flag.Parse()
	if err := run(*duration, *rate); err != nil {
		fmt.Fprintln(os.Stderr, "operate:", err)
		os.Exit(1)
	}
}

func run(duration time.Duration, rate int) error {
	folder, err := os.MkdirTemp("", "operate")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	mss := filepath.Join(folder, "mss")
	build := exec.Command("go", "build", "-o", mss, ".")
	build.Dir = "../cmd/mss"
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	var running sync.WaitGroup
	var mu sync.Mutex
	var failed error
	for _, listen := range []string{
		"127.0.0.1:0", "unix:" + filepath.Join(folder, "s"), "tls://127.0.0.1:0", "yamux://127.0.0.1:0",
		"quic://127.0.0.1:0", "/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.1/udp/0/quic-v1",
	} {
		running.Go(func() {
			report, err := operate(mss, listen, duration, rate)
			mu.Lock()
			defer mu.Unlock()
			fmt.Printf("%s\n%s\n", listen, report)
			if err != nil {
				failed = errors.Join(failed, fmt.Errorf("%s: %w", listen, err))
			}
		})
	}
	running.Wait()
	return failed
}

// operate serves on an address under load, and returns a report.
func operate(mss, listen string, duration time.Duration, rate int) (report string, err error) {
	s, err := start(mss, listen)
	if err != nil {
		return "", err
	}
	defer s.cmd.Process.Kill()
	before, err := s.scrape()
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(context.Background(), duration)
	defer cancel()
	l := &load{server: s, mss: mss, codes: make(map[string]int)}
	if err := l.run(ctx, duration, rate); err != nil {
		return "", err
	}
	after, err := s.rest(before)
	if err != nil {
		return "", err
	}
	running := l.hold() // which the server ends after its grace period
	if running == nil {
		return "", errors.New("no stream for the shutdown")
	}
	defer running.end()
	took, err := s.stop()
	var b strings.Builder
	fmt.Fprintf(&b, "  clients: %d agreed; dials by exit code: %v\n", l.agreed, l.codes)
	fmt.Fprintf(&b, "  metrics: %v\n", after)
	fmt.Fprintf(&b, "  goroutines %v, then %v; %s\n", before["go_goroutines"], after["go_goroutines"], s.usage)
	fmt.Fprintf(&b, "  log: %v\n", s.log.kinds())
	fmt.Fprintf(&b, "  SIGTERM: ended in %v, %v\n", took.Round(time.Millisecond), s.cmd.ProcessState)
	return b.String(), errors.Join(err, l.check(after), s.log.check())
}
