package main

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/conform"
	"github.com/multiselect/multiselect/interop/peers/contract"
)

// expected are the cases that a peer is known to fail, a file for each peer and
// role, as "mss conform --expect-fail" reads it. The reasons name the source.
//
//go:embed expect
var expected embed.FS

// examined are the protocols that a responder under examination serves: the
// kinds of names that cases ask for.
func (p *player) examined() []string {
	names := []string{echo, "/ping/1.0.0", "/foo/bar1", "/" + strings.Repeat("L", 200)}
	if !p.onlySlash {
		names = append(names, "svc/raw")
	}
	return names
}

// verdict is what the suite says of a peer in a role.
type verdict struct {
	peer   string
	role   multiselect.Role
	report *conform.Report
}

// examine holds the suite against every peer in both roles.
func examine(ctx context.Context, players []*player) ([]verdict, error) {
	verdicts := make([]verdict, 0, 2*len(players))
	for _, p := range players {
		verdicts = append(verdicts, verdict{peer: p.name, role: multiselect.Responder}, verdict{peer: p.name, role: multiselect.Initiator})
	}
	errs := make([]error, len(verdicts))
	free := make(chan struct{}, 8) // so many at a time; they mostly wait
	var all sync.WaitGroup
	for n := range verdicts {
		free <- struct{}{}
		all.Go(func() {
			v := &verdicts[n]
			errs[n] = players[n/2].examine(ctx, v)
			<-free
		})
	}
	all.Wait()
	return verdicts, errors.Join(errs...)
}

func (p *player) examine(ctx context.Context, v *verdict) error {
	known, err := expectations(p.name, v.role)
	if err != nil {
		return err
	}
	options := conform.Options{Strict: true, ExpectFail: known, Timeout: 3 * time.Second}
	if v.role == multiselect.Responder {
		v.report, err = p.examineResponder(ctx, options)
	} else {
		v.report, err = p.examineInitiator(ctx, options)
	}
	return err
}

// expectations reads the file of a peer; there is none where nothing fails.
func expectations(name string, role multiselect.Role) (map[string]string, error) {
	file := fmt.Sprintf("expect/%s-%v.txt", name, role)
	text, err := expected.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer text.Close()
	known, err := conform.ReadExpectFail(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return known, nil
}

func (p *player) examineResponder(ctx context.Context, o conform.Options) (*conform.Report, error) {
	process, first, err := start(p.name, p.command, append([]string{"responder"}, p.examined()...)...)
	if err != nil {
		return nil, err
	}
	var dialer net.Dialer
	report, err := conform.RunResponder(ctx, conform.Responder{
		Dial: func(ctx context.Context) (io.ReadWriteCloser, error) {
			return dialer.DialContext(ctx, "tcp", first.Address)
		},
		Protocols: p.examined(),
	}, o)
	return report, errors.Join(err, process.stop())
}

func (p *player) examineInitiator(ctx context.Context, o conform.Options) (*conform.Report, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	defer l.Close()
	initiator := conform.CommandInitiator(l, nil) // for its Accept
	initiator.Run = func(ctx context.Context, task conform.Task) error {
		job, ok := contract.Modes[task.Mode]
		if !ok {
			return fmt.Errorf("mode %q: %w", task.Mode, errors.ErrUnsupported)
		}
		job.Address, job.Protocols, job.Timeout = l.Addr().String(), task.Protocols, task.Timeout
		outcome, err := p.initiator.do(ctx, job)
		if err != nil {
			return err
		}
		return failure(outcome)
	}
	return conform.RunInitiator(ctx, initiator, o)
}

// failure is what an outcome is as an error.
func failure(o contract.Outcome) error {
	switch {
	case o.OK:
		return nil
	case o.Error == contract.Refused:
		return fmt.Errorf("%w: %s", conform.ErrRefused, o.Detail)
	case o.Error == contract.Unsupported:
		return fmt.Errorf("%s: %w", o.Detail, errors.ErrUnsupported)
	}
	return fmt.Errorf("%s: %s", o.Error, o.Detail)
}
