package contract

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
)

// Program is an implementation behind the contract.
type Program struct {
	// Initiate does a job, and gives up when ctx ends.
	Initiate func(ctx context.Context, job Job) Outcome
	// Respond listens, reports the address and then the outcome of every
	// connection, and returns when it cannot go on.
	Respond func(listen string, protocols []string, report func(Outcome)) error
}

// Main is the main function of a program.
func Main(p Program) {
	code, err := p.run(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}

func (p Program) run(args []string) (code int, err error) {
	if len(args) == 0 {
		return 2, errors.New("usage: responder, initiator or jobs; see interop/peers/README.md")
	}
	switch args[0] {
	case "responder":
		return 1, p.respond(args[1:])
	case "initiator":
		job, err := ParseJob(args[1:])
		if err != nil {
			return 2, err
		}
		return p.initiate(job), nil
	case "jobs":
		return 0, p.jobs(os.Stdin)
	}
	return 2, fmt.Errorf("no role %q", args[0])
}

func (p Program) respond(args []string) error {
	listen := "127.0.0.1:0"
	for len(args) > 0 && strings.HasPrefix(args[0], "--") {
		address, ok := strings.CutPrefix(args[0], "--listen=")
		if !ok {
			return fmt.Errorf("no option %s", args[0])
		}
		listen, args = address, args[1:]
	}
	go func() {
		io.Copy(io.Discard, os.Stdin)
		os.Exit(0) // whoever started it is gone
	}()
	return p.Respond(listen, args, report)
}

func (p Program) initiate(job Job) (code int) {
	outcome := p.Initiate(context.Background(), job)
	report(outcome)
	switch {
	case outcome.OK:
		return 0
	case outcome.Error == Unsupported:
		return 127
	}
	return 1
}

func (p Program) jobs(in io.Reader) error {
	var running sync.WaitGroup
	defer running.Wait()
	cancel := map[string]context.CancelFunc{}
	lines := json.NewDecoder(in)
	for n := 1; ; n++ {
		var args []string
		if err := lines.Decode(&args); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		if len(args) == 2 && args[0] == "cancel" {
			if stop, ok := cancel[args[1]]; ok {
				stop()
			}
			continue
		}
		ctx, stop := context.WithCancel(context.Background())
		cancel[strconv.Itoa(n)] = stop
		job, err := ParseJob(args)
		running.Go(func() {
			defer stop()
			outcome := Failure(Local, err)
			if err == nil {
				outcome = p.Initiate(ctx, job)
			}
			outcome.Job = n
			report(outcome)
		})
	}
}

var reporting sync.Mutex

// report prints an outcome.
func report(o Outcome) {
	line, err := json.Marshal(o)
	if err != nil {
		panic(err)
	}
	reporting.Lock()
	defer reporting.Unlock()
	os.Stdout.Write(append(line, '\n'))
}
