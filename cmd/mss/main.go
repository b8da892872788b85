// Command mss speaks multistream-select 1.0 from a terminal: it dials, serves,
// lists and probes, shows the messages on the wire and explains failures.
//
//	mss dial /echo/1.0.0              talk to the responder inside mss itself
//	mss serve /echo/1.0.0=echo        be one that others can reach
//	mss ls --to 127.0.0.1:4001        list its protocols
//	mss probe --to HOST:PORT /a /b    does it speak these?
//	mss bench --to HOST:PORT /a       how long does it take?
//	mss conform responder --to …      does it keep to the protocol?
//
// Data goes to standard output, everything else to standard error. The exit
// code tells the kind of failure; package exit lists the codes.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/multiselect/multiselect/cmd/mss/internal/exit"
	"github.com/multiselect/multiselect/cmd/mss/internal/terminal"
)

func main() {
	os.Exit(run(os.Args[1:], &terminal.Stdio{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}))
}

// run runs the tool and returns the exit code of the process.
func run(args []string, s *terminal.Stdio) (code int) {
	defer func() {
		if p := recover(); p != nil {
			code = finish(s, &exit.Error{Code: exit.Internal, Err: fmt.Errorf("internal error: %v\n%s", p, debug.Stack())})
		}
	}()
	ctx, stop := interruptible(context.Background())
	defer stop()
	root := newRoot(s)
	root.SetArgs(args)
	return finish(s, root.ExecuteContext(ctx))
}

// interruptible returns a context that is canceled by the first SIGINT or SIGTERM.
// A second signal has its default effect and ends the process.
func interruptible(parent context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	stop := func() { signal.Stop(signals) }
	go func() {
		select {
		case <-signals:
			stop()
			cancel(exit.ErrInterrupted)
		case <-ctx.Done():
		}
	}()
	return ctx, func() { stop(); cancel(nil) }
}

const rootHelp = `mss speaks multistream-select 1.0, the negotiation that decides which protocol
a libp2p stream will speak.

Without --to, a verb that asks a peer talks to a responder inside mss, so each
can be tried as it is.`

const rootExamples = `  printf hello | mss dial -v /echo/2.0.0 /echo/1.0.0   # refused, agreed, echoed
  mss serve --listen 127.0.0.1:4001 /chat/1.0.0=tcp:127.0.0.1:6667
  mss ls --to 127.0.0.1:4001
  mss probe --to 127.0.0.1:4001 /chat/1.0.0 /chat/2.0.0
  mss ls -v --to /ip4/127.0.0.1/tcp/4001/p2p/ID        # a libp2p node
  mss bench --rate 1000 --html report.html`

const rootCodes = `
Exit codes, see mss help exit-codes:
  0 ok                     4 timeout                      8 local input/output
  1 finding (probe: a no)  5 the peer broke the protocol  9 internal error
  2 usage                  6 the peer closed or reset   130 interrupted
  3 cannot connect         7 nothing in common
`

func newRoot(s *terminal.Stdio) *cobra.Command {
	root := &cobra.Command{
		Use:           "mss",
		Short:         "multistream-select from a terminal",
		Long:          rootHelp,
		Example:       rootExamples,
		SilenceErrors: true, // run prints them, each line beginning with "mss: "
		SilenceUsage:  true,
	}
	root.SetIn(s.In)
	root.SetOut(s.Out)
	root.SetErr(s.Err)
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return exit.Usagef("%v\nsee: %s --help", err, c.CommandPath())
	})
	color := root.PersistentFlags().String("color", "auto", "colour `WHEN`: auto (on a terminal without NO_COLOR), always or never")
	root.PersistentPreRunE = func(*cobra.Command, []string) error { return s.SetColor(*color, os.Getenv) }
	root.AddCommand(newDial(s), newServe(s), newLs(s), newProbe(s), newBench(s), newConform(s), newVersion(s))
	strictHelp(root)
	setHelp(root)
	_ = root.RegisterFlagCompletionFunc("color", cobra.FixedCompletions(
		[]cobra.Completion{"auto", "always", "never"}, cobra.ShellCompDirectiveNoFileComp))
	return root
}

// strictHelp makes cobra's completion and help commands return usage errors for
// unknown shells and commands, where cobra would print a help text.
func strictHelp(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	root.InitDefaultHelpCmd()
	for _, c := range root.Commands() {
		switch c.Name() {
		case "completion":
			c.Args = func(_ *cobra.Command, args []string) error {
				if len(args) > 0 {
					return exit.Usagef("completion for %q: it is bash, zsh, fish or powershell", args[0])
				}
				return nil
			}
			c.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
		case "help":
			c.Args = func(_ *cobra.Command, args []string) error {
				if found, rest, err := root.Find(args); found == nil || err != nil || len(rest) > 0 {
					return exit.Usagef("no help about %q\nsee: mss --help", args)
				}
				return nil
			}
		}
	}
}
