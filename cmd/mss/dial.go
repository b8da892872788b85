package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/multiselect/multiselect/cmd/mss/internal/attempt"
	"github.com/multiselect/multiselect/cmd/mss/internal/exit"
	"github.com/multiselect/multiselect/cmd/mss/internal/terminal"
	"github.com/multiselect/multiselect/cmd/mss/internal/transport"
)

const dialHelp = `Proposes the protocols in order until the peer agrees to one, and then joins
standard input and output to the stream. The end of standard input ends this
side's half of the stream; mss ends when the peer has ended the other half.

If the peer refuses every protocol, mss asks it for its protocols, for at most a
second, to find the name that is nearest.

With --lazy the first bytes of standard input, at most 4096, are sent with the
one proposal, without waiting for a round trip. Before it connects, mss waits
for these bytes or for the end of standard input; --timeout does not count that
wait. A peer that refuses may read on and take the data for another proposal.
So data that any responder could read as a proposal waits for the answer; few
requests are such. -v shows whether the data waited. --unguarded never waits,
for peers that are known to end the stream when they refuse (mss serve
--one-shot).

The streams of a multiaddr need security and a stream multiplexer, a muxer in
libp2p, which are negotiated first; -v shows each of these steps, indented one
level deeper than the one before.

With --json each line of standard error is a document: the first describes the
negotiation; if the stream fails after it, another one has the fields "event",
"error" and "exit_code". Usage errors (exit code 2) are plain text.`

const dialExamples = `  printf hello | mss dial /echo/1.0.0
  mss dial /time/1.0.0
  printf hello | mss dial -v /echo/2.0.0 /echo/1.0.0   # show the messages
  printf hello | mss dial -v --lazy /echo/1.0.0        # no round trip
  mss dial --to unix:/run/app.sock --timeout 2s /chat/1.0.0
  mss dial --to HOST:PORT --json /a /b 2>report.json </dev/null`

type dialFlags struct {
	peerFlags
	lazy, unguarded bool
}

// complete completes protocols, of which a lazy dial takes one.
func (f *dialFlags) complete(cmd *cobra.Command, args []string, prefix string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if f.lazy && len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return f.peerFlags.complete(cmd, args, prefix)
}

func newDial(s *terminal.Stdio) *cobra.Command {
	var f dialFlags
	cmd := &cobra.Command{
		Use:     "dial [--to ADDR] [--lazy] PROTOCOL...",
		Short:   "agree on a protocol and talk",
		Long:    dialHelp,
		Example: dialExamples,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return exit.Usagef("dial needs a PROTOCOL, for example: mss dial /echo/1.0.0")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			s.JSON = f.json
			return dial(cmd.Context(), s, &f, args)
		},
	}
	f.add(cmd)
	cmd.ValidArgsFunction = f.complete
	cmd.Flags().BoolVar(&f.json, "json", false, "write one document about the negotiation to standard error")
	cmd.Flags().BoolVar(&f.lazy, "lazy", false, "send the first bytes of standard input with the single proposal")
	cmd.Flags().BoolVar(&f.unguarded, "unguarded", false, "with --lazy: send them even if a responder could read a proposal in them")
	return cmd
}

func dial(ctx context.Context, s *terminal.Stdio, f *dialFlags, args []string) error {
	protocols, err := attempt.UniqueNames(args)
	if err != nil {
		return err
	}
	switch {
	case f.lazy:
		if err := attempt.CheckLazy(args); err != nil {
			return err
		}
	case f.unguarded:
		return exit.Usagef("--unguarded is for dial --lazy: nothing else is sent before the agreement")
	}
	p, err := f.open()
	if err != nil {
		return err
	}
	defer p.Stop()
	a := f.attempt(s, p, protocols...)
	var conn transport.Stream
	in := s.In
	if f.lazy {
		o, err := waitForInput(ctx, s.In)
		if err != nil {
			return err
		}
		conn = a.NegotiateLazy(ctx, &o, f.unguarded)
		in = rest(o, s.In)
	} else {
		conn = a.Negotiate(ctx)
	}
	if err := a.Finish(s, f.json); err != nil {
		return err
	}
	defer conn.Close()
	if err := join(ctx, conn, in, s.Out); err != nil {
		transport.Reset(conn) // the peer must not mistake partial input for the whole
		return &exit.Error{Code: exit.Code(err), Err: err}
	}
	return nil
}
