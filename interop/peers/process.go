package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/multiselect/multiselect/interop/peers/contract"
)

// patience ends what hangs. Nothing that works comes near it.
const patience = 60 * time.Second

// process is a program that runs for as long as it is needed, and the outcomes
// that it reports.
type process struct {
	name string
	cmd  *exec.Cmd
	in   io.WriteCloser

	mu       sync.Mutex
	lines    int                              // written so far
	outcomes map[string]chan contract.Outcome // by job or remote address
	gone     chan struct{}                    // closed when nothing more is reported
}

func start(name string, command []string, args ...string) (p *process, first contract.Outcome, err error) {
	command = append(command[:len(command):len(command)], args...)
	p = &process{name: name, cmd: exec.Command(command[0], command[1:]...), gone: make(chan struct{})}
	p.outcomes = make(map[string]chan contract.Outcome)
	p.cmd.Stderr = os.Stderr
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, first, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, first, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, first, err
	}
	lines := json.NewDecoder(bufio.NewReader(out))
	if args[0] == "responder" {
		if err := lines.Decode(&first); err != nil {
			close(p.gone)
			return nil, first, fmt.Errorf("%s: the first line of its responder: %w", name, errors.Join(err, p.stop()))
		}
	}
	go p.listen(lines)
	return p, first, nil
}

func (p *process) listen(lines *json.Decoder) {
	defer close(p.gone)
	for {
		var o contract.Outcome
		if lines.Decode(&o) != nil {
			return
		}
		key := o.Remote
		if o.Job != 0 {
			key = fmt.Sprint(o.Job)
		}
		p.box(key) <- o
	}
}

// box is where an outcome is put and waited for, whoever comes first.
func (p *process) box(key string) chan contract.Outcome {
	p.mu.Lock()
	defer p.mu.Unlock()
	box, ok := p.outcomes[key]
	if !ok {
		box = make(chan contract.Outcome, 2) // a port may come back before its first outcome was looked at
		p.outcomes[key] = box
	}
	return box
}

var errNoOutcome = errors.New("no outcome was reported")

func (p *process) wait(ctx context.Context, key string) (contract.Outcome, error) {
	box := p.box(key)
	defer func() {
		p.mu.Lock()
		delete(p.outcomes, key)
		p.mu.Unlock()
	}()
	select {
	case o := <-box:
		return o, nil
	case <-p.gone:
		return contract.Outcome{}, fmt.Errorf("%s has ended: %w", p.name, errNoOutcome)
	case <-ctx.Done():
		return contract.Outcome{}, fmt.Errorf("%s: %w: %w", p.name, errNoOutcome, context.Cause(ctx))
	}
}

// do lets a program that takes jobs do one. When ctx ends the job is taken back.
func (p *process) do(ctx context.Context, job contract.Job) (contract.Outcome, error) {
	line, err := json.Marshal(job.Args())
	if err != nil {
		return contract.Outcome{}, err
	}
	number, err := p.write(line)
	if err != nil {
		return contract.Outcome{}, err
	}
	outcome, err := p.wait(ctx, number)
	if ctx.Err() != nil {
		_, cancelling := p.write(fmt.Appendf(nil, `["cancel","%s"]`, number))
		err = errors.Join(err, cancelling)
	}
	return outcome, err
}

// write writes a line and returns its number.
func (p *process) write(line []byte) (number string, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lines++
	if _, err = p.in.Write(append(line, '\n')); err != nil {
		return "", fmt.Errorf("%s: %w", p.name, err)
	}
	return fmt.Sprint(p.lines), nil
}

// stop ends the program as the contract says it ends. An error is one that the
// program ended with.
func (p *process) stop() error {
	p.in.Close()
	hanging := time.AfterFunc(patience, func() { p.cmd.Process.Kill() })
	defer hanging.Stop()
	<-p.gone
	if err := p.cmd.Wait(); err != nil {
		return fmt.Errorf("%s, %v: %w", p.name, p.cmd.Args, err)
	}
	return nil
}

// player is a peer whose programs run.
type player struct {
	peer
	command   []string
	initiator *process // takes jobs
	responder *process
	address   string // of the responder
}

// serves are the protocols that responders speak.
var serves = []string{"/echo/1.0.0", "/hello/1.0.0"}

// field is all that plays.
type field struct {
	*workshop
	players []*player
	skipped []skip // peers that cannot be had here
}

// newField builds and starts the peers. It is to be closed, also after an error.
func newField(wanted []peer) (f *field, err error) {
	f = &field{}
	if f.workshop, err = newWorkshop(); err != nil {
		return f, err
	}
	for _, p := range wanted {
		command, err := f.make(p)
		if errors.Is(err, errMissing) {
			f.skipped = append(f.skipped, skip{p.name, err.Error()})
			continue
		}
		if err != nil {
			return f, fmt.Errorf("%s: %w", p.name, err)
		}
		pl := &player{peer: p, command: command}
		f.players = append(f.players, pl)
		if err := pl.start(); err != nil {
			return f, err
		}
	}
	return f, nil
}

func (p *player) start() (err error) {
	if p.initiator, _, err = start(p.name, p.command, "jobs"); err != nil {
		return err
	}
	var first contract.Outcome
	p.responder, first, err = start(p.name, p.command, append([]string{"responder"}, serves...)...)
	if err != nil {
		return err
	}
	if p.address = first.Address; !strings.Contains(p.address, ":") {
		return fmt.Errorf("%s: its responder's address is %q", p.name, p.address)
	}
	return nil
}

// close stops all programs, and says which of them ended otherwise than well.
func (f *field) close() error {
	var errs []error
	for _, p := range f.players {
		for _, process := range []*process{p.initiator, p.responder} {
			if process != nil {
				errs = append(errs, process.stop())
			}
		}
	}
	if f.workshop != nil {
		f.workshop.close()
	}
	return errors.Join(errs...)
}
