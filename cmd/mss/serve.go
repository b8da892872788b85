package main

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/multiselect/multiselect"

	"github.com/multiselect/multiselect/cmd/mss/internal/address"
	"github.com/multiselect/multiselect/cmd/mss/internal/exit"
	"github.com/multiselect/multiselect/cmd/mss/internal/serving"
	"github.com/multiselect/multiselect/cmd/mss/internal/terminal"
	"github.com/multiselect/multiselect/cmd/mss/internal/transport"
)

const serveHelp = `Listens, agrees on a protocol with each client, and hands the connection to the
target of that protocol:

  echo             sends back the bytes that it receives
  time             sends one line with the time
  discard          drops the bytes that it receives
  static:TEXT      sends TEXT as it is, then ends the stream
  exec:COMMAND     runs a shell command whose standard input and output are the
                   connection; $MSS_PROTOCOL and $MSS_PEER are set
  tcp:HOST:PORT    forwards to another server; each half is closed by itself

Without arguments it serves /echo/1.0.0=echo and /time/1.0.0=time.

The first line on standard output is "listening ADDR", with the port that was
bound. Everything else goes to standard error: a line for each client without
an agreement and, with -v, all messages. PROTOCOL and TEXT may contain "=": the
name ends at the first "=" that is followed by a target.

On tls:// and quic:// clients receive the certificate of --cert and --key, or
one made for this run; standard error says "certificate" and its fingerprint,
which clients pass to --pin. On a multiaddr (/ip4/127.0.0.1/tcp/0, or
/ip4/127.0.0.1/udp/0/quic-v1) mss is a libp2p peer with a key made for this
run. Where a connection carries many streams, each stream is a client of its
own, and the log names it by its number: ADDRESS#STREAM.

With --metrics all negotiations are counted, including those of security and
muxer; standard error says "metrics" and the URL for Prometheus.

If a target fails (including a command that exits non-zero or is killed), the
connection is reset, so that the client does not mistake partial output for the
whole. Unix sockets have no reset: there the client sees a plain end.

A command is killed within a second after its client has reset the connection
(on Windows, when it reads or writes). A client that ends only its half still
receives the output. On TCP a client that was closed or killed can look like
that until the command writes, or for a minute or two.

With --one-shot the first refusal ends the connection, as clients of "mss dial
--lazy --unguarded" need it: nothing that they sent after the proposal can be
taken for another proposal. Clients that propose several names get an answer to
the first one only.

With --json each line of standard error is a document: one without "event" for
each negotiation; "event": "stderr" with "line" for a command's standard error;
"certificate" with "fingerprint"; "metrics" with "url"; and "event": "error"
with "error" for every other failure. Usage errors (exit code 2) are plain
text.

SIGINT and SIGTERM stop listening, give running targets 3 s to finish and end
with exit code 0; a second signal ends mss immediately.`

const serveExamples = `  mss serve
  mss serve --listen :4001 -v /echo/1.0.0=echo /motd/1.0.0='static:be kind'
  mss serve --listen unix:/run/app.sock /chat/1.0.0=tcp:127.0.0.1:6667
  mss serve --listen quic://:4433 --metrics 127.0.0.1:9090
  mss serve --listen /ip4/127.0.0.1/tcp/4001
  mss serve /upper/1.0.0='exec:tr a-z A-Z'`

type serveFlags struct {
	transport.Certificates
	listen  string
	metrics string
	timeout time.Duration
	oneShot bool
	verbose bool
	json    bool
}

func newServe(s *terminal.Stdio) *cobra.Command {
	var f serveFlags
	cmd := &cobra.Command{
		Use:               "serve [--listen ADDR] [PROTOCOL=TARGET...]",
		Short:             "serve protocols on one port",
		Long:              serveHelp,
		Example:           serveExamples,
		ValidArgsFunction: completeRoutes,
		RunE: func(_ *cobra.Command, args []string) error {
			s.JSON = f.json
			return serve(s, &f, args)
		},
	}
	cmd.Flags().StringVar(&f.listen, "listen", address.Loopback.String(), "`ADDR` to listen on, see mss help addresses")
	cmd.Flags().DurationVar(&f.timeout, "timeout", 10*time.Second, "time limit for each negotiation; 0 for none")
	addCertificates(cmd, &f.Certificates)
	cmd.Flags().StringVar(&f.metrics, "metrics", "", "show metrics to Prometheus on this `HOST:PORT`, under /metrics")
	cmd.Flags().BoolVar(&f.oneShot, "one-shot", false, "end a connection after the first refusal")
	cmd.Flags().BoolVarP(&f.verbose, "verbose", "v", false, "show the messages on standard error; with --json the documents contain them")
	cmd.Flags().BoolVar(&f.json, "json", false, "write a document about each negotiation to standard error, one a line")
	return cmd
}

func (f *serveFlags) server(s *terminal.Stdio, args []string) (*serving.Server, error) {
	routes, err := serving.ParseRoutes(args)
	if err != nil {
		return nil, err
	}
	limits := multiselect.Limits{Timeout: f.timeout}
	switch {
	case f.timeout < 0:
		return nil, exit.Usagef("--timeout %v: it cannot be negative", f.timeout)
	case f.timeout == 0:
		limits.Timeout = multiselect.NoLimit
	}
	return serving.New(routes, limits, &serving.Log{Stdio: s, Verbose: f.verbose && !f.json, JSON: f.json, OneShot: f.oneShot})
}

func serve(s *terminal.Stdio, f *serveFlags, args []string) error {
	srv, err := f.server(s, args)
	if err != nil {
		return err
	}
	a, err := parseAddress(f.listen)
	if err != nil {
		return err
	}
	// The first signal starts a drain, the second one ends it.
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)
	page, err := srv.ShowMetrics(f.metrics)
	if err != nil {
		return err
	}
	defer page.Close()
	ln, err := srv.Listen(a, &f.Certificates)
	if err != nil {
		return err
	}
	defer ln.Finish()
	defer ln.Close()
	srv.LogStart(ln, page) // before the line below, for which clients may wait
	if _, err := fmt.Fprintf(s.Out, "listening %s\n", ln.Address); err != nil {
		return exit.AsLocal("standard output", err)
	}
	accepting := make(chan error, 1)
	go func() { accepting <- srv.Accept(ln) }()
	select {
	case err := <-accepting:
		srv.End()
		return err
	case <-signals:
	}
	ln.Close()
	srv.StopNegotiating()
	<-accepting
	return srv.Drain(signals)
}
