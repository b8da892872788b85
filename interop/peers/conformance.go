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

	"github.com/multiselect/multiselect/conform"
	"github.com/multiselect/multiselect/interop/peers/contract"
	"github.com/multiselect/multiselect/wire"
)

// expected are the cases that a peer is known to fail, a file for each peer and
// role, as "mss conform --expect-fail" reads it. The reasons name the source.
//
//go:embed expect
var expected embed.FS

// examined are the protocols that a responder under examination serves: the
// kinds of names that cases ask for.
var examined = []string{echo, "/ping/1.0.0", "svc/raw", "/foo/bar1", "/" + strings.Repeat("L", 200)}

// verdict is what the suite says of a peer in a role.
type verdict struct {
	peer   string
	role   wire.Role
	report *conform.Report
}

// examine holds the suite against every peer in both roles.
func examine(ctx context.Context, players []*player) ([]verdict, error) {
	verdicts := make([]verdict, 0, 2*len(players))
	for _, p := range players {
		verdicts = append(verdicts, verdict{peer: p.name, role: wire.Responder}, verdict{peer: p.name, role: wire.Initiator})
	}
	errs := make([]error, len(verdicts))
	free := make(chan struct{}, 6) // so many at a time; they mostly wait
	var all sync.WaitGroup
	for n := range verdicts {
		free <- struct{}{}
		all.Go(func() {
			v := &verdicts[n]
			v.report, errs[n] = players[n/2].examine(ctx, v.role)
			<-free
		})
	}
	all.Wait()
	return verdicts, errors.Join(errs...)
}

func (p *player) examine(ctx context.Context, role wire.Role) (*conform.Report, error) {
	known, err := expectations(p.name, role)
	if err != nil {
		return nil, err
	}
	options := conform.Options{Strict: true, ExpectFail: known}
	if role == wire.Responder {
		return p.examineResponder(ctx, options)
	}
	return p.examineInitiator(ctx, options)
}

// expectations reads the file of a peer; there is none where nothing fails.
func expectations(name string, role wire.Role) (map[string]string, error) {
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
	process, first, err := start(p.name, p.command, append([]string{"responder"}, examined...)...)
	if err != nil {
		return nil, err
	}
	var dialer net.Dialer
	report, err := conform.RunResponder(ctx, conform.Responder{
		Dial: func(ctx context.Context) (io.ReadWriteCloser, error) {
			return dialer.DialContext(ctx, "tcp", first.Address)
		},
		Protocols: examined,
	}, o)
	return report, errors.Join(err, process.stop())
}

func (p *player) examineInitiator(ctx context.Context, o conform.Options) (*conform.Report, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	defer l.Close()
	initiator := conform.Command(l, nil) // for its Accept
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
