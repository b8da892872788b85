package main

import (
	"context"
	"errors"
	"io"
	"os/exec"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/conform"

	"github.com/multiselect/multiselect/cmd/mss/internal/address"
	"github.com/multiselect/multiselect/cmd/mss/internal/attempt"
	"github.com/multiselect/multiselect/cmd/mss/internal/exit"
	"github.com/multiselect/multiselect/cmd/mss/internal/serving"
	"github.com/multiselect/multiselect/cmd/mss/internal/terminal"
	"github.com/multiselect/multiselect/cmd/mss/internal/transport"
)

// embeddedEchoes returns the protocols that the embedded responder serves to the
// suite: a name of each kind that cases need.
func embeddedEchoes() []string {
	return []string{"/echo/1.0.0", "/echo/2.0.0", "echo", "/echo/1.0", "/echo/" + strings.Repeat("long", 32) + "/1.0.0"}
}

// embeddedTimeout is short, because cases wait for it to expire.
const embeddedTimeout = time.Second

const conformResponderExamples = `  mss conform responder
  mss conform responder --to 127.0.0.1:4001 --protocol /echo/1.0.0 --strict
  mss conform responder --to 127.0.0.1:4001 --html report.html
  mss conform responder --list --run '^R10-'
  mss conform responder -v R10-empty`

func newConformResponder(s *terminal.Stdio) *cobra.Command {
	f := conformFlags{role: multiselect.Responder}
	var to peerFlags
	var budget time.Duration
	cmd := &cobra.Command{
		Use:     "responder [--to ADDR] [--protocol NAME]... [CASE...]",
		Short:   "test a responder",
		Long:    conformHelp,
		Example: conformResponderExamples,
		RunE: func(cmd *cobra.Command, ids []string) error {
			o, err := f.options(ids)
			if err != nil {
				return err
			}
			if f.list {
				return f.printCases(s.Out, &o)
			}
			return conformResponder(cmd.Context(), s, &f, &to, budget, o)
		},
	}
	f.add(cmd)
	cmd.Flags().StringVar(&to.to, "to", "", "the responder's `ADDR`, see mss help addresses (default: a responder inside mss)")
	addTrust(cmd, &to.Trust)
	cmd.Flags().StringArrayVar(&f.protocols, "protocol", []string{"/echo/1.0.0"},
		"a `NAME` that it serves as an echo, may be repeated; more cases fit with a second name, one without a slash in front, one of 9 bytes, and one of 127 or more")
	cmd.Flags().DurationVar(&budget, "budget", 0, "the time after which the responder ends a negotiation; without it the cases about that are skipped")
	to.given = cmd.Flags().Changed
	return cmd
}

func conformResponder(ctx context.Context, s *terminal.Stdio, f *conformFlags, to *peerFlags, budget time.Duration, o conform.Options) error {
	if _, err := attempt.UniqueNames(f.protocols); err != nil {
		return err
	}
	if budget < 0 {
		return exit.Usagef("--budget %v: it cannot be negative", budget)
	}
	p, err := to.responder(f, &budget)
	if err != nil {
		return err
	}
	defer p.Stop()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var reached atomic.Bool
	responder := conform.Responder{
		Dial: func(dialing context.Context) (io.ReadWriteCloser, error) {
			conn, err := p.Stream(dialing, io.Discard)
			switch {
			case err == nil:
				reached.Store(true)
				return conn, nil
			case !reached.Load():
				cancel(err) // stop: no case could connect
			}
			return nil, err
		},
		Protocols: f.protocols,
		Timeout:   budget,
	}
	err = f.play(ctx, s, o, p.String(), func(ctx context.Context, o conform.Options) (*conform.Report, error) {
		r, err := conform.RunResponder(ctx, responder, o)
		if unconnected, ok := errors.AsType[*transport.ConnectError](context.Cause(ctx)); ok {
			return nil, unconnected
		}
		return r, err
	})
	if _, unconnected := errors.AsType[*transport.ConnectError](err); unconnected {
		a := &attempt.Attempt{Peer: p, Timeout: f.timeout, Protocols: f.protocols, Err: err}
		return a.Finish(s, false)
	}
	return asFailure(err)
}

// responder finds the responder, or starts the embedded one.
func (f *peerFlags) responder(c *conformFlags, budget *time.Duration) (*attempt.Peer, error) {
	if f.given("to") {
		return f.open()
	}
	if !f.given("protocol") {
		c.protocols = embeddedEchoes()
	}
	if *budget == 0 {
		*budget = embeddedTimeout
	}
	return serving.StartEmbeddedWith(address.Loopback, serving.EchoRoutes(c.protocols), multiselect.Limits{Timeout: *budget})
}

// asFailure returns err as a failure with its exit code.
func asFailure(err error) error {
	if _, decided := errors.AsType[*exit.Error](err); err == nil || decided {
		return err
	}
	return &exit.Error{Code: exit.Code(err), Err: err}
}

const conformInitiatorHelp = conformHelp + `

COMMAND is an initiator: it is started for each case and connects to this tool.
Its environment has the task:

  MSS_CONFORM_NETWORK    tcp or unix
  MSS_CONFORM_ADDR       host:port or path
  MSS_CONFORM_MODE       select, ls, lazy, lazy-read, lazy-close or lazy-half;
                         go doc github.com/multiselect/multiselect/conform.Task
  MSS_CONFORM_PROTOCOLS  the names to propose, as a JSON array of strings
  MSS_CONFORM_TIMEOUT    when to give up, in milliseconds
  MSS_CONFORM_CASE       the id of the case

It has to exit with 0 if a protocol was agreed on, 7 if all were refused, 127
if it does not support the task, and another code if the negotiation failed.
Its standard error is shown with -v. "mss conform task" is such a command.`

const conformInitiatorExamples = `  mss conform initiator
  mss conform initiator --strict -- mss conform task
  mss conform initiator --html report.html -- ./my-initiator --flag
  mss conform initiator --list --run lazy`

func newConformInitiator(s *terminal.Stdio) *cobra.Command {
	f := conformFlags{role: multiselect.Initiator}
	var where string
	cmd := &cobra.Command{
		Use:     "initiator [--listen ADDR] [CASE...] [-- COMMAND...]",
		Short:   "test an initiator",
		Long:    conformInitiatorHelp,
		Example: conformInitiatorExamples,
		RunE: func(cmd *cobra.Command, args []string) error {
			ids, command := args, []string(nil)
			if at := cmd.ArgsLenAtDash(); at >= 0 {
				ids, command = args[:at], args[at:]
				if len(command) == 0 {
					return exit.Usagef("no COMMAND follows --")
				}
			}
			o, err := f.options(ids)
			if err != nil {
				return err
			}
			if f.list {
				return f.printCases(s.Out, &o)
			}
			return conformInitiator(cmd.Context(), s, &f, where, command, o)
		},
	}
	f.add(cmd)
	cmd.Flags().StringVar(&where, "listen", address.Loopback.String(), "`ADDR` to listen on: host:port or unix:PATH")
	cmd.Flags().StringArrayVar(&f.protocols, "protocol", nil,
		"a `NAME` that COMMAND always proposes, may be repeated; without it, COMMAND has to propose the names that it is given")
	return cmd
}

func conformInitiator(ctx context.Context, s *terminal.Stdio, f *conformFlags, where string, command []string, o conform.Options) error {
	if len(f.protocols) > 0 {
		if _, err := attempt.UniqueNames(f.protocols); err != nil {
			return err
		}
	}
	a, err := parseAddress(where)
	if err != nil {
		return err
	}
	if len(command) > 0 {
		if _, err := exec.LookPath(command[0]); err != nil {
			return exit.AsLocal("COMMAND", err)
		}
	}
	if a.Form != address.TCP && a.Form != address.Unix {
		return exit.Usagef("--listen %s: initiators are given a host:port or unix:PATH", where)
	}
	ln, err := transport.Listen(a, transport.ListenConfig{Certificates: new(transport.Certificates)})
	if err != nil {
		return err
	}
	defer ln.Close()
	name, initiator := "the embedded initiator", conform.DialInitiator(ln.Listener, dialTask)
	if len(command) > 0 {
		stderr := io.Discard
		if f.verbose {
			stderr = s.Err
		}
		name, initiator = strings.Join(command, " "), conform.CommandInitiator(ln.Listener, stderr, command...)
	}
	initiator.Protocols = f.protocols
	err = f.play(ctx, s, o, name, func(ctx context.Context, o conform.Options) (*conform.Report, error) {
		return conform.RunInitiator(ctx, initiator, o)
	})
	return asFailure(err)
}
