package main

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/multiselect/multiselect"
)

const serveHelp = `Listens, agrees on a protocol with each client, and hands the connection to the
target of that protocol:

  echo             what arrives goes back
  time             one line with the time
  discard          what arrives is dropped
  static:TEXT      TEXT, as it stands, and the end
  exec:COMMAND     a shell command, joined by standard input and output; it
                   finds $MSS_PROTOCOL and $MSS_PEER
  tcp:HOST:PORT    another server, each half of the stream for itself

Without arguments it serves /echo/1.0.0=echo and /time/1.0.0=time.

The first line on standard output is "listening ADDR", with the port that was
bound. All else goes to standard error: a line for each client that no protocol
was agreed on with, and with -v what is said. PROTOCOL and TEXT may contain "=":
the name ends at the first "=" with a target behind it.

On tls:// and quic:// clients see the certificate of --cert and --key, or one that
was made for this run; standard error says "certificate" and its fingerprint,
which clients pass to --pin. On a multiaddr (/ip4/127.0.0.1/tcp/0, or
/ip4/127.0.0.1/udp/0/quic-v1) mss is a libp2p peer with a key made for this run.
Where a connection carries many streams, each of them is a client of its own, and
the log names it by its number: ADDRESS#STREAM.

With --metrics the negotiations are counted, those of security and muxer among
them; standard error says "metrics" and the URL for Prometheus.

A target that fails, a command that exits with something else than 0 or is
killed among them, resets the connection, so that the client does not take what
it got for all there is. Unix sockets know no reset: there a client sees a plain
end. A command is killed within a second when its client has reset the
connection (on Windows when it reads or writes). A client that only ends its half
is waited for; one that was closed or killed can look like that on TCP, until the
command writes or a minute or two are over.

With --one-shot the first refusal ends the connection, as clients of "mss dial
--lazy --unguarded" want it: nothing that they sent behind the proposal can be
taken for another one. Clients that propose one name after the other get no
further than the first.

With --json each line of standard error is a document: one without "event" for
each negotiation, "event": "stderr" with "line" for what a command writes to its
standard error, "certificate" with "fingerprint", "metrics" with "url", and
"event": "error" with "error" for all that fails otherwise.
Usage errors (exit code 2) are plain text.

SIGINT and SIGTERM stop listening, give what is running 3 s to finish and end
with exit code 0; a second signal ends at once.`

const serveExamples = `  mss serve
  mss serve --listen :4001 -v /echo/1.0.0=echo /motd/1.0.0='static:be kind'
  mss serve --listen unix:/run/app.sock /chat/1.0.0=tcp:127.0.0.1:6667
  mss serve --listen quic://:4433 --metrics 127.0.0.1:9090
  mss serve --listen /ip4/127.0.0.1/tcp/4001
  mss serve /upper/1.0.0='exec:tr a-z A-Z'`

// defaultListen is a free port that only this machine can reach.
var defaultListen = address{where: "127.0.0.1:0"}

// drainTime is what is left of the 3 s of a drain for targets to finish.
const drainTime = 3*time.Second - 2*killTime

type serveFlags struct {
	certificates
	listen  string
	metrics string
	timeout time.Duration
	oneShot bool
	verbose bool
	json    bool
}

func newServe(s *stdio) *cobra.Command {
	var f serveFlags
	cmd := &cobra.Command{
		Use:               "serve [--listen ADDR] [PROTOCOL=TARGET...]",
		Short:             "serve protocols on one port",
		Long:              serveHelp,
		Example:           serveExamples,
		ValidArgsFunction: completeRoutes,
		RunE: func(_ *cobra.Command, args []string) error {
			s.json = f.json
			return serve(s, &f, args)
		},
	}
	cmd.Flags().StringVar(&f.listen, "listen", defaultListen.String(), "`ADDR` to listen on: "+addressForms)
	cmd.Flags().DurationVar(&f.timeout, "timeout", 10*time.Second, "limit for each negotiation; 0 for none")
	f.certificates.add(cmd)
	cmd.Flags().StringVar(&f.metrics, "metrics", "", "show metrics to Prometheus on this `HOST:PORT`, under /metrics")
	cmd.Flags().BoolVar(&f.oneShot, "one-shot", false, "end a connection behind the first refusal")
	cmd.Flags().BoolVarP(&f.verbose, "verbose", "v", false, "show on standard error what is said, as it is said; without effect beside --json, whose documents have it")
	cmd.Flags().BoolVar(&f.json, "json", false, "write a document about each negotiation to standard error, one a line")
	return cmd
}

func (f *serveFlags) server(s *stdio, args []string) (*server, error) {
	routes, err := parseRoutes(args)
	if err != nil {
		return nil, err
	}
	limits := multiselect.Limits{Timeout: f.timeout}
	switch {
	case f.timeout < 0:
		return nil, usagef("--timeout %v: it cannot be negative", f.timeout)
	case f.timeout == 0:
		limits.Timeout = -1
	}
	srv, err := newServer(routes, limits, &serverLog{stdio: s, verbose: f.verbose && !f.json, json: f.json, oneShot: f.oneShot})
	if err == nil {
		srv.muxer.OneShot = f.oneShot
	}
	return srv, err
}

func serve(s *stdio, f *serveFlags, args []string) error {
	srv, err := f.server(s, args)
	if err != nil {
		return err
	}
	a, err := parseAddress(f.listen)
	if err != nil {
		return err
	}
	// The signals are told apart here: the first one asks, the second insists.
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)
	page, err := srv.showMetrics(f.metrics)
	if err != nil {
		return err
	}
	defer page.close()
	ln, err := srv.listen(a, &f.certificates)
	if err != nil {
		return err
	}
	defer ln.finish()
	defer ln.Close()
	srv.log.started(ln.print, page) // first: who waits for the line below has all
	if _, err := fmt.Fprintf(s.out, "listening %s\n", ln.address); err != nil {
		return local("standard output", err)
	}
	accepting := make(chan error, 1)
	go func() { accepting <- srv.accept(ln) }()
	select {
	case err := <-accepting:
		srv.end()
		return err
	case <-signals:
	}
	ln.Close()
	srv.stopNegotiating()
	<-accepting
	return srv.drain(signals)
}
