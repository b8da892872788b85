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
an agreement or with a target that failed and, with -v, all messages and the
end of each stream with its time and bytes. PROTOCOL and TEXT may contain "=":
the name ends at the first "=" that is followed by a target.

On tls:// and quic:// clients receive the certificate of --cert and --key, or
one made for this run; standard error says "certificate" and its fingerprint,
which clients pass to --pin. On a multiaddr (/ip4/127.0.0.1/tcp/0, or
/ip4/127.0.0.1/udp/0/quic-v1) mss is a libp2p peer. Its identity is made for
this run, or follows from the key in --key: PEM, as "openssl genpkey -algorithm
ed25519" writes it, or in the encoding of libp2p. If the multiaddr names a peer
with /p2p/ID, it must be that one. Where a connection carries many streams,
each stream is a client of its own, and the log names it by its number:
ADDRESS#STREAM.

With --fallback a client whose first byte is not that of a negotiation is
served, too, for example a browser.

With --metrics all negotiations are counted, including those of security and
muxer, and the state of the server is shown; standard error says "metrics" and
the URL for Prometheus.

A connection is half-open from Accept until its agreement, with TLS, noise and
the muxer. One more than --max-half-open evicts the oldest. After the agreement
one more than --max-active evicts one whose client has sent nothing since, or
is refused if there is none. A host is an address, or 64 bits of an IPv6
address; loopback addresses and unix sockets have no limit per host. When no
file descriptor is free, some of these connections are evicted, too. The log
shows --log-limit clients in 10 s, and the number of the others.

If a target fails (including a command that exits non-zero or is killed), the
connection is reset after half a second, in which the client reads what was
sent, so that it does not mistake partial output for the whole. Unix sockets
have no reset: there the client sees a plain end.

A command is killed within a second after its client has reset the connection
(on Windows, when it reads or writes). A client that ends only its half still
receives the output. On TCP a client that was closed or killed can look like
that until the command writes, or for a minute or two.

With --one-shot the first refusal ends the connection, as clients of "mss dial
--lazy --unguarded" need it: nothing that they sent after the proposal can be
taken for another proposal. Clients that propose several names get an answer to
the first one only.

With --json each line of standard error is a document: one without "event" for
each negotiation; "event": "closed" for each stream after its agreement, with
"duration_ms", "bytes_received" and "bytes_sent"; "stderr" with "line" for a
command's standard error; "certificate" with "fingerprint"; "metrics" with
"url"; "hidden" with the number of clients that are not shown; and "event":
"error" with "error" for every other failure. Those about clients have a
"time". Usage errors (exit code 2) are plain text.

SIGINT and SIGTERM stop listening, give running targets 3 s to finish and end
with exit code 0; a second signal ends mss immediately.`

const serveExamples = `  mss serve
  mss serve --listen :4001 -v /echo/1.0.0=echo /motd/1.0.0='static:be kind'
  mss serve --listen unix:/run/app.sock /chat/1.0.0=tcp:127.0.0.1:6667
  mss serve --listen quic://:4433 --metrics 127.0.0.1:9090
  mss serve --listen /ip4/127.0.0.1/tcp/4001 --key peer.pem
  mss serve --listen :8080 --fallback /web=tcp:127.0.0.1:80 /echo/1.0.0=echo
  mss serve /upper/1.0.0='exec:tr a-z A-Z'`

type serveFlags struct {
	transport.Certificates
	serving.Bounds
	listen   string
	metrics  string
	fallback string
	timeout  time.Duration
	logLimit int
	oneShot  bool
	verbose  bool
	json     bool
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
	flags := cmd.Flags()
	flags.StringVar(&f.listen, "listen", address.Loopback.String(), "`ADDR` to listen on, see mss help addresses")
	flags.DurationVar(&f.timeout, "timeout", 10*time.Second, "time limit for each negotiation; 0 for none")
	addCertificates(cmd, &f.Certificates)
	flags.StringVar(&f.fallback, "fallback", "", "serve clients that do not negotiate with this `PROTOCOL`, or PROTOCOL=TARGET")
	flags.StringVar(&f.metrics, "metrics", "", "show metrics to Prometheus on this `HOST:PORT`, under /metrics")
	flags.BoolVar(&f.oneShot, "one-shot", false, "end a connection after the first refusal")
	flags.BoolVarP(&f.verbose, "verbose", "v", false, "show the messages on standard error; with --json the documents contain them")
	flags.BoolVar(&f.json, "json", false, "write a document about each negotiation to standard error, one a line")
	flags.IntVar(&f.logLimit, "log-limit", 1000, "log at most this `NUMBER` of clients in 10 s")
	addBounds(cmd, &f.Bounds)
	return cmd
}

// addBounds adds the flags with the limits of a server. For all of them 0 is no limit.
func addBounds(cmd *cobra.Command, b *serving.Bounds) {
	flags := cmd.Flags()
	flags.IntVar(&b.MaxHalfOpen, "max-half-open", 4096, "at most this `NUMBER` of connections without an agreement; one more evicts the oldest")
	flags.IntVar(&b.MaxHalfOpenPerHost, "max-half-open-per-host", 0, "the same `NUMBER` for each host; one more evicts its oldest")
	flags.IntVar(&b.MaxActive, "max-active", 4096, "at most this `NUMBER` of connections with an agreement; one more evicts a silent one, or is refused")
	flags.IntVar(&b.MaxActivePerHost, "max-active-per-host", 2048, "the same `NUMBER` for each host")
	flags.BoolVar(&b.EvictActive, "evict-active", false, "evict connections with data, too, before one is refused")
	flags.DurationVar(&b.FirstByteTimeout, "first-byte-timeout", 0, "time limit from the agreement to the client's first byte")
	flags.IntVar(&b.MaxLinks, "max-links", 4096, "at most this `NUMBER` of connections that carry streams; one more evicts an idle one, or is refused")
	flags.IntVar(&b.MaxLinksPerHost, "max-links-per-host", 256, "the same `NUMBER` for each host")
	flags.DurationVar(&b.LinkIdleTimeout, "link-idle-timeout", 10*time.Minute, "time limit for a connection that carries streams to have none with an agreement")
	flags.IntVar(&b.MaxCommands, "max-commands", 64, "at most this `NUMBER` of exec: commands; one more is refused")
}

// checkBounds returns an error for a negative limit, and makes 0 no limit for package netmux.
func checkBounds(f *serveFlags) error {
	for name, n := range map[string]*int{
		"max-half-open": &f.MaxHalfOpen, "max-half-open-per-host": &f.MaxHalfOpenPerHost,
		"max-active": &f.MaxActive, "max-active-per-host": &f.MaxActivePerHost,
		"max-links": &f.MaxLinks, "max-links-per-host": &f.MaxLinksPerHost,
		"max-commands": &f.MaxCommands, "log-limit": &f.logLimit,
	} {
		switch {
		case *n < 0:
			return exit.Usagef("--%s %d: it cannot be negative; 0 is no limit", name, *n)
		case *n == 0:
			*n = multiselect.NoLimit
		}
	}
	for name, d := range map[string]*time.Duration{
		"timeout": &f.timeout, "first-byte-timeout": &f.FirstByteTimeout, "link-idle-timeout": &f.LinkIdleTimeout,
	} {
		switch {
		case *d < 0:
			return exit.Usagef("--%s %v: it cannot be negative", name, *d)
		case *d == 0:
			*d = multiselect.NoLimit
		}
	}
	return nil
}

func (f *serveFlags) server(s *terminal.Stdio, args []string) (*serving.Server, error) {
	routes, err := serving.ParseRoutes(args)
	if err != nil {
		return nil, err
	}
	fallback, routes, err := serving.AddFallback(f.fallback, routes)
	if err != nil {
		return nil, err
	}
	if err := checkBounds(f); err != nil {
		return nil, err
	}
	return serving.New(serving.Config{
		Routes:   routes,
		Fallback: fallback,
		Limits:   multiselect.Limits{Timeout: f.timeout},
		Bounds:   f.Bounds,
		OneShot:  f.oneShot,
		Log:      &serving.Log{Stdio: s, Verbose: f.verbose && !f.json, JSON: f.json, MaxClients: f.logLimit},
	})
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
	page, err := srv.ShowMetrics(f.metrics, thisBuild().name())
	if err != nil {
		return err
	}
	defer page.Close()
	ln, err := srv.Listen(a, &f.Certificates)
	if err != nil {
		return err
	}
	defer ln.Close()
	srv.LogStart(ln, page) // before the line below, for which clients may wait
	if _, err := fmt.Fprintf(s.Out, "listening %s\n", ln.Address); err != nil {
		return exit.AsLocal("standard output", err)
	}
	accepting := make(chan error, 1)
	go func() { accepting <- srv.Serve(ln) }()
	select {
	case err := <-accepting:
		srv.End()
		return err
	case <-signals:
	}
	return srv.Drain(signals)
}
