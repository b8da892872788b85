package main

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/multiselect/multiselect"
)

const probeHelp = `Asks the peer for each protocol and writes a line with its name and "yes",
"no" or "error". No protocol is used: a stream is ended as soon as the peer
agrees. After a refusal the next name is proposed on the same stream, as long as
the peer allows that; --timeout is for all names together.

Exit codes: 0 if the peer speaks all of them, 1 if it refuses one, that of the
first error if there was one, 3 if there was no connection. Names for which no
time was left are errors.`

const probeExamples = `  mss probe /echo/1.0.0 /echo/2.0.0
  mss probe --to 127.0.0.1:4001 /ipfs/ping/1.0.0 /ipfs/id/1.0.0 /meshsub/1.1.0
  mss probe --to 127.0.0.1:4001 /chat/2.0.0 || echo not yet`

func newProbe(s *stdio) *cobra.Command {
	var f peerFlags
	cmd := &cobra.Command{
		Use:     "probe [--to ADDR] PROTOCOL...",
		Short:   "ask which protocols the peer speaks",
		Long:    probeHelp,
		Example: probeExamples,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("probe needs a PROTOCOL, for example: mss probe /echo/1.0.0")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return runProbe(cmd.Context(), s, &f, args) },
	}
	f.add(cmd)
	cmd.Flags().BoolVar(&f.json, "json", false, "write one document to standard output instead of lines")
	return cmd
}

// finding is the answer for one protocol.
type finding struct {
	Protocol string  `json:"protocol"`
	Answer   string  `json:"answer"` // yes, no or error
	Error    *string `json:"error,omitempty"`
	Stage    string  `json:"stage,omitempty"`
	Answered string  `json:"answered,omitempty"` // in words
	Blame    string  `json:"blame,omitempty"`
	Next     string  `json:"next,omitempty"`
	ExitCode int     `json:"exit_code"`

	err  error
	rows []row // for people
}

func runProbe(ctx context.Context, s *stdio, f *peerFlags, args []string) error {
	for _, name := range args {
		if _, err := unique([]string{name}); err != nil {
			return err
		}
	}
	p, err := f.open()
	if err != nil {
		return err
	}
	defer p.stop()
	ctx, cancel := f.within(ctx)
	defer cancel()
	pr := &prober{peer: p, flags: f, stdio: s}
	defer pr.hangUp()
	var findings []finding
	for _, name := range args {
		found := pr.ask(ctx, name)
		if !pr.connected {
			a := &attempt{peer: p, timeout: f.timeout, protocols: args}
			a.fail(found.err)
			if err := pr.report([]finding{found}, exitCode(found.err)); err != nil {
				return err
			}
			return a.finish(s, false)
		}
		findings = append(findings, found)
		if err := pr.print(found); err != nil {
			return err
		}
	}
	code := verdict(findings)
	if err := pr.report(findings, code); err != nil {
		return err
	}
	if code != exitOK {
		return &failure{code: code, err: fmt.Errorf("probe: %d", code), told: true}
	}
	return nil
}

// verdict returns the exit code for all findings together.
func verdict(findings []finding) int {
	if i := slices.IndexFunc(findings, func(f finding) bool { return f.err != nil }); i >= 0 {
		return findings[i].ExitCode
	}
	if slices.ContainsFunc(findings, func(f finding) bool { return f.Answer == "no" }) {
		return exitFinding
	}
	return exitOK
}

// print writes one line, and the reason for an error. It writes advice only once.
func (pr *prober) print(f finding) error {
	if f.err != nil {
		x := explanation{summary: display(f.Protocol) + ": " + *f.Error}
		if !pr.hinted {
			x.rows, pr.hinted = f.rows, len(f.rows) > 0
		}
		pr.stdio.printError(x.String())
	}
	if pr.flags.json {
		return nil
	}
	color := map[string]string{"yes": green, "no": yellow, "error": red}[f.Answer]
	line := fmt.Sprintf("%s %s\n", display(f.Protocol), paint(pr.stdio.outColor, color, f.Answer))
	_, err := io.WriteString(pr.stdio.out, line)
	return local("standard output", err)
}

// report writes the JSON document, if one was asked for.
func (pr *prober) report(findings []finding, code int) error {
	if !pr.flags.json {
		return nil
	}
	peer := pr.peer.given
	if peer == "" {
		peer = "embedded"
	}
	return printJSON(pr.stdio.out, struct {
		Peer       string    `json:"peer"`
		Role       string    `json:"role"`
		Results    []finding `json:"results"`
		Transcript []string  `json:"transcript"`
		ExitCode   int       `json:"exit_code"`
	}{peer, multiselect.Initiator.String(), findings, lines(pr.transcript.String()), code})
}
