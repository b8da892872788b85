package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/multiselect/multiselect/cmd/mss/internal/attempt"
	"github.com/multiselect/multiselect/cmd/mss/internal/exit"
	"github.com/multiselect/multiselect/cmd/mss/internal/terminal"
)

const lsHelp = `Asks the peer for its protocols and writes one name a line. Names that could be
misread, or could change what a terminal shows, are written as quoted strings.

Many peers do not list their protocols; they answer na. Then standard output
stays empty and the exit code is 7: use probe for names that they may speak. A
libp2p peer (a multiaddr) that answers na is asked with identify,
/ipfs/id/1.0.0, and standard error says so.`

const lsExamples = `  mss ls
  mss ls --to 127.0.0.1:4001
  mss ls --to 127.0.0.1:4001 --json | jq -r '.offers[]'`

func newLs(s *terminal.Stdio) *cobra.Command {
	var f peerFlags
	cmd := &cobra.Command{
		Use:     "ls [--to ADDR]",
		Short:   "list the peer's protocols",
		Long:    lsHelp,
		Example: lsExamples,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return exit.Usagef("ls takes no argument, only flags; to ask for %s: mss probe %s", terminal.QuoteName(args[0]), terminal.QuoteName(args[0]))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return ls(cmd.Context(), s, &f) },
	}
	f.add(cmd)
	cmd.ValidArgsFunction = cobra.NoFileCompletions
	cmd.Flags().BoolVar(&f.json, "json", false, "write one document to standard output")
	return cmd
}

func ls(ctx context.Context, s *terminal.Stdio, f *peerFlags) error {
	p, err := f.open()
	if err != nil {
		return err
	}
	defer p.Stop()
	a := f.attempt(s, p)
	a.Ask(ctx)
	if f.json {
		if err := terminal.WriteJSON(s.Out, a.Report()); err != nil {
			return err
		}
	} else if a.Err == nil {
		if err := printNames(s.Out, a.List.Names); err != nil {
			return err
		}
	}
	if agent, ok := a.Agent(); ok && !f.json {
		s.PrintError(fmt.Sprintf("%s does not answer ls; it listed these names in %s, as %s", p, attempt.IdentifyID, agent))
	}
	return a.Finish(s, false)
}

func printNames(w io.Writer, names []string) error {
	var b strings.Builder
	for _, name := range names {
		fmt.Fprintln(&b, terminal.QuoteName(name))
	}
	_, err := io.WriteString(w, b.String())
	return exit.AsLocal("standard output", err)
}
