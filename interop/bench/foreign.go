package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// foreign is an implementation in another language. A program of ours in its folder
// negotiates on TCP and on one thread, in batches that it is told to run, and measures
// their time. It is compared with a floor in the same language, to exclude the cost of
// the language's runtime.
type foreign struct {
	name, folder string
	tools        []string // programs that must be installed
	build        []string
	run          []string
	library      string // with its version
}

var foreigners = []foreign{
	{
		"Rust", "rust",
		[]string{"cargo"},
		[]string{"cargo", "build", "--release", "--quiet"},
		[]string{"target/release/bench"},
		"multistream-select 0.14.0, tokio 1.48.0, one thread",
	},
	{
		"JavaScript", "js",
		[]string{"node", "npm"},
		[]string{"npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"},
		[]string{"node", "bench.js"},
		"@libp2p/multistream-select 7.0.28",
	},
}

// foreignCost has the results of a foreign library and its floor.
type foreignCost struct {
	foreign
	first, tenth results // success at the first and at the tenth proposal
}

// skip is a language that was not measured.
type skip struct{ name, reason string }

// raceForeigners compares the languages that can be built here, and skips the others.
func raceForeigners(rounds int) (costs []foreignCost, skipped []skip) {
	for _, f := range foreigners {
		cost, err := f.race(rounds)
		if err != nil {
			skipped = append(skipped, skip{f.name, err.Error()})
			continue
		}
		costs = append(costs, cost)
	}
	return costs, skipped
}

func (f foreign) race(rounds int) (cost foreignCost, err error) {
	cost.foreign = f
	for _, tool := range f.tools {
		if _, err := exec.LookPath(tool); err != nil {
			return cost, fmt.Errorf("%s is not installed", tool)
		}
	}
	build := exec.Command(f.build[0], f.build[1:]...)
	build.Dir, build.Stderr = f.folder, os.Stderr
	if err := build.Run(); err != nil {
		return cost, fmt.Errorf("%s: %w", strings.Join(f.build, " "), err)
	}
	p, err := f.start()
	if err != nil {
		return cost, err
	}
	defer p.stop()
	for _, k := range []struct {
		proposals int
		results   *results
	}{{1, &cost.first}, {10, &cost.tenth}} {
		// Twice, because a runtime with a JIT compiler warms up in the first race.
		for range 2 {
			if *k.results, err = race(rounds, []contender{p.contender("floor", k.proposals), p.contender("mss", k.proposals)}); err != nil {
				return cost, err
			}
		}
	}
	return cost, nil
}

// process is a running program of another language.
type process struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

func (f foreign) start() (*process, error) {
	program := f.run[0]
	if strings.Contains(program, "/") {
		program = filepath.Join(f.folder, program)
		absolute, err := filepath.Abs(program)
		if err != nil {
			return nil, err
		}
		program = absolute
	}
	cmd := exec.Command(program, f.run[1:]...)
	cmd.Dir, cmd.Stderr = f.folder, os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	return &process{cmd, in, bufio.NewReader(out)}, cmd.Start()
}

func (p *process) stop() {
	p.in.Close()
	p.cmd.Wait()
}

func (p *process) contender(variant string, k int) contender {
	return contender{name: variant, isRemote: true, run: func(n int) (time.Duration, error) {
		fmt.Fprintln(p.in, variant, k, n)
		var took time.Duration
		_, err := fmt.Fscanln(p.out, &took)
		return took, err
	}}
}
