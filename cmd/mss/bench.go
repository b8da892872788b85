package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/multiselect/multiselect/wire"
)

const benchHelp = `Negotiates PROTOCOL (default /echo/1.0.0) over and over, and says how long that
took: what half of the negotiations, 99 of 100 and so on stayed below.

Without --rate it is a closed loop: each of --concurrency workers begins the next
negotiation when the last one is over. A peer that stalls is asked less then, so
its stalls hardly show. With --rate it is an open loop: negotiations are due at
that rate, whatever the peer does, and latency counts from the moment when one
was due. --concurrency then only limits how many go on at a time: one that finds
no worker is late, and that counts.

A negotiation is over when the peer has agreed; with --payload, which is for
protocols that echo, when the payload is back. --lazy sends the payload along with
the proposal, which saves a round trip.

On addresses that carry many streams (quic://, yamux://, multiaddrs) streams are
opened on --connections connections. Everywhere else each negotiation has a
connection of its own, and making it counts.

The exit code is 1 if a negotiation failed, and that of the first one if that
fails.`

const benchExamples = `  mss bench
  mss bench --listen yamux://127.0.0.1:0 --concurrency 64
  mss bench --to 127.0.0.1:4001 --rate 2000 --duration 30s --html report.html
  mss bench --to /ip4/192.0.2.1/tcp/4001/p2p/ID --lazy --payload 32 /ipfs/ping/1.0.0`

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

func newBench(s *stdio) *cobra.Command {
	var f benchFlags
	cmd := &cobra.Command{
		Use:     "bench [--to ADDR] [PROTOCOL]",
		Short:   "measure how long negotiations take",
		Long:    benchHelp,
		Example: benchExamples,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usagef("bench takes one PROTOCOL and not %d", len(args))
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
	flags.StringVar(&f.listen, "listen", defaultListen.String(), "without --to: the `ADDR` of the responder inside mss")
	flags.IntVarP(&f.concurrency, "concurrency", "c", 8, "how many negotiations go on at a time, at most")
	flags.IntVar(&f.connections, "connections", 1, "how many connections carry the streams")
	flags.DurationVarP(&f.duration, "duration", "d", 5*time.Second, "how long to begin negotiations")
	flags.IntVarP(&f.count, "count", "n", 0, "how many negotiations to begin, at most; 0 for no limit")
	flags.Float64Var(&f.rate, "rate", 0, "open loop: how many negotiations are due in a second")
	flags.IntVar(&f.payload, "payload", 0, "`BYTES` that the protocol has to echo")
	flags.BoolVar(&f.lazy, "lazy", false, "negotiate on the way")
	flags.BoolVar(&f.json, "json", false, "write one document to standard output")
	flags.StringVar(&f.html, "html", "", "write a page with plots to `FILE`")
	return cmd
}

// mostBench bounds what one process may be asked for.
const mostBench = 100_000

func (f *benchFlags) check(protocol string) error {
	if err := wire.CheckName(protocol, 1024); err != nil {
		return usagef("%v", err)
	}
	switch {
	case f.concurrency < 1 || f.concurrency > mostBench:
		return usagef("--concurrency %d: it is between 1 and %d", f.concurrency, mostBench)
	case f.connections < 1 || f.connections > mostBench:
		return usagef("--connections %d: it is between 1 and %d", f.connections, mostBench)
	case f.duration <= 0:
		return usagef("--duration %v: it must be positive", f.duration)
	case f.count < 0:
		return usagef("--count %d: it cannot be negative", f.count)
	case !(f.rate >= 0 && f.rate <= 1e7): // not a number, either
		return usagef("--rate %v: it is between 0 and 10 million", f.rate)
	case f.payload < 0 || f.payload > mostFirst:
		return usagef("--payload %d: it is between 0 and %d bytes", f.payload, mostFirst)
	case f.given("listen") && f.given("to"):
		return usagef("--listen is for the responder inside mss: it has no use beside --to")
	case f.lazy:
		return checkLazy([]string{protocol})
	}
	return nil
}

// target returns whom to measure.
func (f *benchFlags) target() (*peer, error) {
	if f.given("to") {
		return f.open()
	}
	a, err := parseAddress(f.listen)
	if err != nil {
		return nil, err
	}
	return startEmbeddedAt(a)
}

func runBench(ctx context.Context, s *stdio, f *benchFlags, protocol string) error {
	if err := f.check(protocol); err != nil {
		return err
	}
	p, err := f.target()
	if err != nil {
		return err
	}
	defer p.stop()
	if many := p.address.form.multiplexed(); !many && f.given("connections") {
		return usagef("--connections is for addresses that carry many streams: on %s each negotiation has a connection", p)
	}
	// One that goes wrong is explained, before many do.
	first := &attempt{peer: p, timeout: f.timeout, protocols: []string{protocol}}
	if t := first.negotiate(ctx, &f.peerFlags, s); t != nil {
		t.conn.Close()
	}
	if first.err != nil {
		return first.finish(s, false)
	}
	b, err := newLoad(ctx, p, f, protocol)
	if err != nil {
		return err
	}
	defer b.close()
	stopProgress := b.progress(s)
	b.run(ctx)
	stopProgress()
	r := b.result(p, f, protocol)
	if ctx.Err() != nil {
		r.ExitCode = exitInterrupted
	}
	if err := r.write(s, f); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return &failure{code: exitInterrupted, err: context.Cause(ctx)}
	}
	if r.Failed > 0 {
		return &failure{code: exitFinding, err: fmt.Errorf("%d of %d negotiations failed", r.Failed, r.Failed+r.Succeeded), told: f.json}
	}
	return nil
}
