package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/multiselect/multiselect/wire"

	"github.com/multiselect/multiselect/cmd/mss/internal/address"
	"github.com/multiselect/multiselect/cmd/mss/internal/attempt"
	"github.com/multiselect/multiselect/cmd/mss/internal/exit"
	"github.com/multiselect/multiselect/cmd/mss/internal/load"
	"github.com/multiselect/multiselect/cmd/mss/internal/serving"
	"github.com/multiselect/multiselect/cmd/mss/internal/terminal"
)

const benchHelp = `Negotiates PROTOCOL (default /echo/1.0.0) repeatedly and writes percentiles of
the time that a negotiation took.

Without --rate it is a closed loop: each of --concurrency workers starts the
next negotiation when the last one has ended. A peer that stalls is asked less
often then, so its stalls hardly show. With --rate it is an open loop:
negotiations are due at that rate, however slow the peer is, and latency counts
from the time when one was due. --concurrency then limits only how many run at
a time: one that finds no free worker starts late, and its latency includes the
delay.

A negotiation ends when the peer has agreed or, with --payload, which is for
protocols that echo, when the payload is back. --lazy sends the payload with the
proposal, which saves a round trip.

On addresses that carry many streams (quic://, yamux://, multiaddrs) streams are
opened on --connections connections. On the other ones each negotiation has a
connection of its own, and its latency includes connecting.

The first negotiation is not measured; if it fails, mss explains why and its
exit code is that of dial. Otherwise the exit code is 1 if a negotiation
failed.`

const benchExamples = `  mss bench
  mss bench --listen yamux://127.0.0.1:0 --concurrency 64
  mss bench --to 127.0.0.1:4001 --rate 2000 --duration 30s --html report.html
  mss bench --to /ip4/192.0.2.1/tcp/4001/p2p/ID --payload 32 /ipfs/ping/1.0.0`

type benchFlags struct {
	peerFlags
	listen      string
	concurrency int
	connections int
	duration    time.Duration
	count       int
	rate        float64
	payload     int
	lazy        bool
	html        string
}

func newBench(s *terminal.Stdio) *cobra.Command {
	var f benchFlags
	cmd := &cobra.Command{
		Use:     "bench [--to ADDR] [PROTOCOL]",
		Short:   "measure how long negotiations take",
		Long:    benchHelp,
		Example: benchExamples,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return exit.Usagef("bench takes one PROTOCOL, not %d", len(args))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				args = []string{"/echo/1.0.0"}
			}
			return runBench(cmd.Context(), s, &f, args[0])
		},
	}
	f.add(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.listen, "listen", address.Loopback.String(), "without --to: the `ADDR` of the responder inside mss")
	flags.IntVarP(&f.concurrency, "concurrency", "c", 8, "the most negotiations at a time")
	flags.IntVar(&f.connections, "connections", 1, "the number of connections that carry the streams")
	flags.DurationVarP(&f.duration, "duration", "d", 5*time.Second, "how long to start negotiations")
	flags.IntVarP(&f.count, "count", "n", 0, "the most negotiations to start; 0 for no limit")
	flags.Float64Var(&f.rate, "rate", 0, "open loop: the number of negotiations due per second")
	flags.IntVar(&f.payload, "payload", 0, "`BYTES` that the protocol has to echo")
	flags.BoolVar(&f.lazy, "lazy", false, "send the payload with the proposal, without a round trip")
	flags.BoolVar(&f.json, "json", false, "write one document to standard output")
	flags.StringVar(&f.html, "html", "", "write a page with plots to `FILE`")
	return cmd
}

// maxBench bounds --concurrency and --connections.
const maxBench = 100_000

func (f *benchFlags) check(protocol string) error {
	if err := wire.CheckName(protocol, 1024); err != nil {
		return exit.Usagef("%v", err)
	}
	switch {
	case f.concurrency < 1 || f.concurrency > maxBench:
		return exit.Usagef("--concurrency %d: it is between 1 and %d", f.concurrency, maxBench)
	case f.connections < 1 || f.connections > maxBench:
		return exit.Usagef("--connections %d: it is between 1 and %d", f.connections, maxBench)
	case f.duration <= 0:
		return exit.Usagef("--duration %v: it must be positive", f.duration)
	case f.count < 0:
		return exit.Usagef("--count %d: it cannot be negative", f.count)
	case !(f.rate >= 0 && f.rate <= 1e7): // not a number, either
		return exit.Usagef("--rate %v: it is between 0 and 10 million", f.rate)
	case f.payload < 0 || f.payload > attempt.MaxFirst:
		return exit.Usagef("--payload %d: it is between 0 and %d bytes", f.payload, attempt.MaxFirst)
	case f.given("listen") && f.given("to"):
		return exit.Usagef("--listen is for the responder inside mss: it has no use with --to")
	case f.lazy:
		return attempt.CheckLazy([]string{protocol})
	}
	return nil
}

// load returns the load of the flags.
func (f *benchFlags) load(protocol string) load.Config {
	return load.Config{
		Protocol: protocol, Lazy: f.lazy, Payload: f.payload, Timeout: f.timeout,
		Workers: f.concurrency, Connections: f.connections,
		Duration: f.duration, Count: f.count, Rate: f.rate,
	}
}

// target returns the peer to measure.
func (f *benchFlags) target() (*attempt.Peer, error) {
	if f.given("to") {
		return f.open()
	}
	a, err := parseAddress(f.listen)
	if err != nil {
		return nil, err
	}
	return serving.StartEmbedded(a)
}

func runBench(ctx context.Context, s *terminal.Stdio, f *benchFlags, protocol string) error {
	if err := f.check(protocol); err != nil {
		return err
	}
	p, err := f.target()
	if err != nil {
		return err
	}
	defer p.Stop()
	if many := p.Address.Form.IsMultiplexed(); !many && f.given("connections") {
		return exit.Usagef("--connections is for addresses that carry many streams: on %s each negotiation has a connection", p)
	}
	// If the first negotiation fails, explain it before many fail.
	first := f.attempt(s, p, protocol)
	if conn := first.Negotiate(ctx); conn != nil {
		conn.Close()
	}
	if first.Err != nil {
		return first.Finish(s, false)
	}
	b, err := load.New(ctx, p, f.load(protocol))
	if err != nil {
		return err
	}
	defer b.Close()
	stopProgress := b.ShowProgress(s)
	b.Run(ctx)
	stopProgress()
	r := b.Result()
	if ctx.Err() != nil {
		r.ExitCode = exit.Interrupted
	}
	if err := f.write(s, &r); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return &exit.Error{Code: exit.Interrupted, Err: context.Cause(ctx)}
	}
	if r.Failed > 0 {
		return &exit.Error{Code: exit.Finding, Err: fmt.Errorf("%d of %d negotiations failed", r.Failed, r.Failed+r.Succeeded), Told: f.json}
	}
	return nil
}

// write writes the page, if there is to be one, and then the document or the text.
func (f *benchFlags) write(s *terminal.Stdio, r *load.Result) error {
	if f.html != "" {
		page, err := os.Create(f.html)
		if err != nil {
			return exit.AsLocal("--html", err)
		}
		err = r.WritePage(page, thisBuild().name())
		if closing := page.Close(); err == nil {
			err = closing
		}
		if err != nil {
			return exit.AsLocal("--html "+f.html, err)
		}
	}
	if f.json {
		return terminal.WriteJSON(s.Out, r)
	}
	_, err := io.WriteString(s.Out, r.Text())
	return exit.AsLocal("standard output", err)
}
