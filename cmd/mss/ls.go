package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
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

func newLs(s *stdio) *cobra.Command {
	var f peerFlags
	cmd := &cobra.Command{
		Use:     "ls [--to ADDR]",
		Short:   "list the peer's protocols",
		Long:    lsHelp,
		Example: lsExamples,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usagef("ls takes no argument, only flags; to ask for %s: mss probe %s", display(args[0]), display(args[0]))
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

func ls(ctx context.Context, s *stdio, f *peerFlags) error {
	p, err := f.open()
	if err != nil {
		return err
	}
	defer p.stop()
	a := &attempt{peer: p, timeout: f.timeout}
	a.ask(ctx, f, s)
	if f.json {
		if err := printJSON(s.out, a.report()); err != nil {
			return err
		}
	} else if a.err == nil {
		if err := printNames(s.out, a.list.Names); err != nil {
			return err
		}
	}
	if i := a.identified; i != nil && !f.json {
		s.printError(fmt.Sprintf("%s does not answer ls; it listed these names in %s, as %s", p, identifyID, i.agentName()))
	}
	return a.finish(s, false)
}

// ask connects and asks for the list.
func (a *attempt) ask(ctx context.Context, f *peerFlags, s *stdio) {
	began := time.Now()
	ctx, cancel := f.within(ctx)
	defer cancel()
	t, err := a.start(ctx, f, s)
	if err == nil {
		a.asked = true
		a.list, err = t.list(ctx)
		a.listErr = err
		t.conn.Close()
		if a.askIdentify(ctx, t.live) {
			err = nil
		}
	}
	a.fail(err)
	a.elapsed = time.Since(began)
}

func printNames(w io.Writer, names []string) error {
	var b strings.Builder
	for _, name := range names {
		fmt.Fprintln(&b, display(name))
	}
	_, err := io.WriteString(w, b.String())
	return local("standard output", err)
}
