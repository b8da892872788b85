package main

import (
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/multiselect/multiselect/cmd/mss/internal/attempt"
	"github.com/multiselect/multiselect/cmd/mss/internal/serving"
	"github.com/multiselect/multiselect/cmd/mss/internal/terminal"
)

// complete completes protocols with those that the peer of --to lists, if it
// answers quickly enough for an interactive shell.
func (f *peerFlags) complete(cmd *cobra.Command, args []string, prefix string) ([]cobra.Completion, cobra.ShellCompDirective) {
	const moment = 700 * time.Millisecond
	p, err := f.open()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	defer p.Stop()
	a := &attempt.Attempt{Peer: p, Timeout: moment, Live: io.Discard}
	a.Ask(cmd.Context())
	var names []cobra.Completion
	for _, name := range a.List.Names {
		if strings.HasPrefix(name, prefix) && !slices.Contains(args, name) && terminal.QuoteForShell(name) == name {
			names = append(names, name)
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// completeRoutes completes the target of PROTOCOL=TARGET.
func completeRoutes(_ *cobra.Command, _ []string, prefix string) ([]cobra.Completion, cobra.ShellCompDirective) {
	name, _, named := strings.Cut(prefix, "=")
	if !named {
		return nil, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	}
	var routes []cobra.Completion
	for _, kind := range serving.TargetKinds {
		routes = append(routes, name+"="+kind)
	}
	return routes, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}
