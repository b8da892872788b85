package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/multiselect/multiselect"

	"github.com/multiselect/multiselect/cmd/mss/internal/attempt"
	"github.com/multiselect/multiselect/cmd/mss/internal/exit"
	"github.com/multiselect/multiselect/cmd/mss/internal/terminal"
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

func newProbe(s *terminal.Stdio) *cobra.Command {
	var f peerFlags
	cmd := &cobra.Command{
		Use:     "probe [--to ADDR] PROTOCOL...",
		Short:   "ask which protocols the peer speaks",
		Long:    probeHelp,
		Example: probeExamples,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return exit.Usagef("probe needs a PROTOCOL, for example: mss probe /echo/1.0.0")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return runProbe(cmd.Context(), s, &f, args) },
	}
	f.add(cmd)
	cmd.Flags().BoolVar(&f.json, "json", false, "write one document to standard output instead of lines")
	return cmd
}

func runProbe(ctx context.Context, s *terminal.Stdio, f *peerFlags, args []string) error {
	for _, name := range args {
		if _, err := attempt.UniqueNames([]string{name}); err != nil {
			return err
		}
	}
	p, err := f.open()
	if err != nil {
		return err
	}
	defer p.Stop()
	ctx, cancel := attempt.Within(ctx, f.timeout)
	defer cancel()
	pr := &attempt.Prober{Peer: p, Timeout: f.timeout, Live: f.live(s)}
	defer pr.HangUp()
	out := &probeOutput{stdio: s, json: f.json}
	var findings []attempt.Finding
	for _, name := range args {
		found := pr.Ask(ctx, name)
		if !pr.Connected {
			a := f.attempt(s, p, args...)
			a.Fail(found.Err)
			if err := out.report(pr, []attempt.Finding{found}, exit.Code(found.Err)); err != nil {
				return err
			}
			return a.Finish(s, false)
		}
		findings = append(findings, found)
		if err := out.print(found); err != nil {
			return err
		}
	}
	code := attempt.Verdict(findings)
	if err := out.report(pr, findings, code); err != nil {
		return err
	}
	if code != exit.OK {
		return &exit.Error{Code: code, Err: fmt.Errorf("probe: %d", code), Told: true}
	}
	return nil
}

// probeOutput writes findings: lines, or one document at the end.
type probeOutput struct {
	stdio  *terminal.Stdio
	json   bool
	hinted bool // advice on an error was written
}

// print writes one line, and the reason for an error. It writes advice only once.
func (o *probeOutput) print(f attempt.Finding) error {
	if f.Err != nil {
		o.stdio.PrintError(f.Explain(!o.hinted))
		o.hinted = o.hinted || f.HasAdvice()
	}
	if o.json {
		return nil
	}
	color := map[string]string{"yes": terminal.Green, "no": terminal.Yellow, "error": terminal.Red}[f.Answer]
	line := fmt.Sprintf("%s %s\n", terminal.QuoteName(f.Protocol), terminal.Paint(o.stdio.OutColor, color, f.Answer))
	_, err := io.WriteString(o.stdio.Out, line)
	return exit.AsLocal("standard output", err)
}

// report writes the JSON document, if one was asked for.
func (o *probeOutput) report(pr *attempt.Prober, findings []attempt.Finding, code int) error {
	if !o.json {
		return nil
	}
	return terminal.WriteJSON(o.stdio.Out, struct {
		Peer       string            `json:"peer"`
		Role       string            `json:"role"`
		Results    []attempt.Finding `json:"results"`
		Transcript []string          `json:"transcript"`
		ExitCode   int               `json:"exit_code"`
	}{pr.Peer.Name(), multiselect.Initiator.String(), findings, pr.Lines(), code})
}
