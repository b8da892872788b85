package main

import (
	"context"
	"fmt"
	"io"

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
	ctx, cancel := within(ctx, f.timeout)
	defer cancel()
	pr := &prober{peer: p, timeout: f.timeout, live: f.live(s)}
	defer pr.hangUp()
	out := &probeOutput{stdio: s, json: f.json}
	var findings []finding
	for _, name := range args {
		found := pr.ask(ctx, name)
		if !pr.connected {
			a := f.attempt(s, p, args...)
			a.fail(found.err)
			if err := out.report(pr, []finding{found}, exitCode(found.err)); err != nil {
				return err
			}
			return a.finish(s, false)
		}
		findings = append(findings, found)
		if err := out.print(found); err != nil {
			return err
		}
	}
	code := verdict(findings)
	if err := out.report(pr, findings, code); err != nil {
		return err
	}
	if code != exitOK {
		return &failure{code: code, err: fmt.Errorf("probe: %d", code), told: true}
	}
	return nil
}

// probeOutput writes findings: lines, or one document at the end.
type probeOutput struct {
	stdio  *stdio
	json   bool
	hinted bool // advice on an error was written
}

// print writes one line, and the reason for an error. It writes advice only once.
func (o *probeOutput) print(f finding) error {
	if f.err != nil {
		x := explanation{summary: display(f.Protocol) + ": " + *f.Error}
		if !o.hinted {
			x.rows, o.hinted = f.rows, len(f.rows) > 0
		}
		o.stdio.printError(x.String())
	}
	if o.json {
		return nil
	}
	color := map[string]string{"yes": green, "no": yellow, "error": red}[f.Answer]
	line := fmt.Sprintf("%s %s\n", display(f.Protocol), paint(o.stdio.outColor, color, f.Answer))
	_, err := io.WriteString(o.stdio.out, line)
	return local("standard output", err)
}

// report writes the JSON document, if one was asked for.
func (o *probeOutput) report(pr *prober, findings []finding, code int) error {
	if !o.json {
		return nil
	}
	peer := pr.peer.given
	if peer == "" {
		peer = "embedded"
	}
	return printJSON(o.stdio.out, struct {
		Peer       string    `json:"peer"`
		Role       string    `json:"role"`
		Results    []finding `json:"results"`
		Transcript []string  `json:"transcript"`
		ExitCode   int       `json:"exit_code"`
	}{peer, multiselect.Initiator.String(), findings, lines(pr.transcript.String()), code})
}
