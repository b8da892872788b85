package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/conform"
	reports "github.com/multiselect/multiselect/conform/report"

	"github.com/multiselect/multiselect/cmd/mss/internal/exit"
	"github.com/multiselect/multiselect/cmd/mss/internal/terminal"
)

const conformHelp = `Plays the other side of multistream-select 1.0, case by case, and writes the
verdict of each. A missed MUST fails, and so does behaviour that breaks peers; a
missed SHOULD warns, and fails with --strict.

After the agreement the party under test has to be an echo.

The last line on standard output is "N passed, N failed, N skipped"; cases of
--expect-fail are counted as "N known" before the skipped ones. With --json
standard output is one document, which has this line as its "summary".

Exit codes: 0 if no case failed, 1 if one did, 3 if the responder could not be
reached at all.`

func newConform(s *terminal.Stdio) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "conform responder|initiator",
		Short: "test a responder or an initiator against the protocol",
		Long:  conformHelp,
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return exit.Usagef("conform %s: it is responder or initiator", terminal.QuoteName(args[0]))
			}
			return exit.Usagef("conform needs the role under test: mss conform responder, or mss conform initiator")
		},
	}
	cmd.AddCommand(newConformResponder(s), newConformInitiator(s), newConformTask())
	return cmd
}

// conformFlags are the flags of both roles.
type conformFlags struct {
	role       multiselect.Role
	run        string
	list       bool
	strict     bool
	verbose    bool
	timeout    time.Duration
	silence    time.Duration
	expectFail string
	json, tap  bool
	html       string
	junit      string
	protocols  []string
}

func (f *conformFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.run, "run", "", "play the cases whose id matches `REGEXP`")
	flags.BoolVar(&f.list, "list", false, "list the cases and play nothing")
	flags.BoolVar(&f.strict, "strict", false, "a missed SHOULD fails")
	flags.BoolVarP(&f.verbose, "verbose", "v", false, "write the transcript of every case, not only of those that fail")
	flags.DurationVar(&f.timeout, "timeout", 10*time.Second, "time limit for a case, connecting included")
	flags.DurationVar(&f.silence, "silence", 200*time.Millisecond, "how long a party has to be silent to count as silent; use more for distant ones")
	flags.StringVar(&f.expectFail, "expect-fail", "", "`FILE` of cases that are known to fail: a line for each, id, space, reason")
	flags.BoolVar(&f.json, "json", false, "write one document to standard output")
	flags.BoolVar(&f.tap, "tap", false, "write TAP 14 to standard output")
	flags.StringVar(&f.junit, "junit", "", "write JUnit XML to `FILE`")
	flags.StringVar(&f.html, "html", "", "write one self-contained HTML page to `FILE`")
	cmd.MarkFlagsMutuallyExclusive("json", "tap")
	cmd.ValidArgsFunction = f.complete
}

// complete completes the ids of cases; "--" is followed by a command line.
func (f *conformFlags) complete(cmd *cobra.Command, args []string, prefix string) ([]cobra.Completion, cobra.ShellCompDirective) {
	// Cobra ends the flags with a "--" of its own, after all arguments.
	if at := cmd.ArgsLenAtDash(); at >= 0 && at < len(args) {
		return nil, cobra.ShellCompDirectiveDefault
	}
	var ids []cobra.Completion
	for _, c := range conform.Cases(f.role) {
		if strings.HasPrefix(c.ID, prefix) {
			ids = append(ids, cobra.CompletionWithDesc(c.ID, c.Title))
		}
	}
	return ids, cobra.ShellCompDirectiveNoFileComp
}

// options reads the flags and the ids.
func (f *conformFlags) options(ids []string) (o conform.Options, err error) {
	o = conform.Options{IDs: ids, Strict: f.strict, Timeout: f.timeout, Quiet: f.silence}
	if f.timeout <= 0 || f.silence <= 0 {
		return o, exit.Usagef("--timeout %v, --silence %v: a case without a limit does not end", f.timeout, f.silence)
	}
	if f.run != "" {
		if o.Select, err = regexp.Compile(f.run); err != nil {
			return o, exit.Usagef("--run: %v", err)
		}
	}
	if f.expectFail != "" {
		file, err := os.Open(f.expectFail)
		if err != nil {
			return o, exit.AsLocal("--expect-fail", err)
		}
		defer file.Close()
		if o.ExpectFail, err = conform.ReadExpectFail(file); err != nil {
			return o, exit.Usagef("--expect-fail %s: %v", f.expectFail, err)
		}
	}
	cases, err := o.Cases(f.role)
	switch {
	case err != nil:
		return o, exit.Usagef("%s\nsee: mss conform %v --list", strings.TrimPrefix(err.Error(), "conform: "), f.role)
	case len(cases) == 0:
		return o, exit.Usagef("no case is selected\nsee: mss conform %v --list", f.role)
	}
	return o, nil
}

// printCases implements --list.
func (f *conformFlags) printCases(w io.Writer, o *conform.Options) error {
	cases, err := o.Cases(f.role)
	if err != nil {
		return err
	}
	if f.json {
		return exit.AsLocal("writing JSON", reports.JSONCases(w, cases))
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, c := range cases {
		fmt.Fprintf(table, "%s\t%v\t%s\n", c.ID, c.Level, c.Title)
	}
	return exit.AsLocal("standard output", table.Flush())
}

// play plays the selected cases with run, writes the reports, which name the
// party, and returns the failure that decides the exit code.
func (f *conformFlags) play(ctx context.Context, s *terminal.Stdio, o conform.Options, party string,
	run func(context.Context, conform.Options) (*conform.Report, error),
) error {
	out, err := f.open(s, party)
	if err != nil {
		return err
	}
	defer out.drop()
	cases, err := o.Cases(f.role)
	if err != nil {
		return err
	}
	watch := newProgress(s, len(cases))
	o.OnStart = watch.started
	o.OnResult = func(r conform.Result) {
		watch.clear()
		if ctx.Err() == nil {
			out.observe(&r)
		}
	}
	result, err := run(ctx, o)
	if err != nil {
		return err
	}
	if err := out.finish(result); err != nil {
		return err
	}
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case !result.OK():
		return &exit.Error{Code: exit.Finding, Err: fmt.Errorf("conform: %s", reports.Summary(result)), Told: true}
	}
	return nil
}
