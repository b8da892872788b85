package main

import (
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// complete completes protocols with those that the peer of --to lists, if it
// answers quickly enough for an interactive shell.
func (f *peerFlags) complete(cmd *cobra.Command, args []string, prefix string) ([]cobra.Completion, cobra.ShellCompDirective) {
	const moment = 700 * time.Millisecond
	p, err := f.open()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	defer p.stop()
	a := &attempt{peer: p, timeout: moment, live: io.Discard}
	a.ask(cmd.Context())
	var names []cobra.Completion
	for _, name := range a.list.Names {
		if strings.HasPrefix(name, prefix) && !slices.Contains(args, name) && shellQuote(name) == name {
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
	for _, kind := range targetKinds {
		routes = append(routes, name+"="+kind)
	}
	return routes, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}
