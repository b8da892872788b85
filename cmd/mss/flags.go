package main

import (
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/multiselect/multiselect/cmd/mss/internal/address"
	"github.com/multiselect/multiselect/cmd/mss/internal/attempt"
	"github.com/multiselect/multiselect/cmd/mss/internal/exit"
	"github.com/multiselect/multiselect/cmd/mss/internal/serving"
	"github.com/multiselect/multiselect/cmd/mss/internal/terminal"
	"github.com/multiselect/multiselect/cmd/mss/internal/transport"
)

// peerFlags are the flags of every verb that talks to a peer.
type peerFlags struct {
	transport.Trust
	to      string
	timeout time.Duration
	verbose bool
	json    bool
	given   func(flag string) bool // whether the command line has the flag
}

func (f *peerFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.to, "to", "", "the peer's `ADDR`, see mss help addresses (default: a responder inside mss)")
	cmd.Flags().DurationVar(&f.timeout, "timeout", 10*time.Second, "time limit for connecting and negotiating together; 0 for none")
	cmd.Flags().BoolVarP(&f.verbose, "verbose", "v", false, "show the messages on standard error; with --json the document contains them")
	cmd.ValidArgsFunction = f.complete
	addTrust(cmd, &f.Trust)
	f.given = cmd.Flags().Changed
}

// open returns the peer of the flags. It does not connect.
func (f *peerFlags) open() (*attempt.Peer, error) {
	if f.timeout < 0 {
		return nil, exit.Usagef("--timeout %v: it cannot be negative", f.timeout)
	}
	if !f.given("to") {
		if err := f.Trust.Check(address.Loopback); err != nil {
			return nil, err
		}
		return serving.StartEmbedded(address.Loopback)
	}
	a, err := parseAddress(f.to)
	if err != nil {
		return nil, err
	}
	return attempt.NewPeer(a, f.to, &f.Trust), f.Trust.Check(a)
}

// live returns the writer for this verb's live transcript.
func (f *peerFlags) live(s *terminal.Stdio) io.Writer {
	if f.verbose && !f.json { // the document holds it
		return s.TranscriptWriter()
	}
	return io.Discard
}

// attempt returns an attempt to agree on protocols with a peer.
func (f *peerFlags) attempt(s *terminal.Stdio, p *attempt.Peer, protocols ...string) *attempt.Attempt {
	return &attempt.Attempt{Peer: p, Timeout: f.timeout, Live: f.live(s), Protocols: protocols}
}

// parseAddress reads the address in a flag.
func parseAddress(s string) (address.Address, error) {
	a, err := address.Parse(s)
	if err != nil {
		return a, exit.Usagef("%w", err)
	}
	return a, nil
}

// addTrust adds the flags of a client of tls:// and quic://.
func addTrust(cmd *cobra.Command, t *transport.Trust) {
	cmd.Flags().StringVar(&t.CAFile, "ca", "", "trust only the certificates in this PEM `FILE`")
	cmd.Flags().StringVar(&t.Pin, "pin", "", "trust only the certificate with the fingerprint `sha256:HEX`")
	cmd.Flags().BoolVar(&t.Insecure, "insecure", false, "trust any certificate")
	addALPN(cmd, &t.ALPN)
}

// addCertificates adds the flags of a server of tls:// and quic://.
func addCertificates(cmd *cobra.Command, c *transport.Certificates) {
	cmd.Flags().StringVar(&c.CertFile, "cert", "", "certificate `FILE`, PEM (default: one made for this run)")
	cmd.Flags().StringVar(&c.KeyFile, "key", "", "`FILE` of its private key, PEM; on a multiaddr that of the peer")
	addALPN(cmd, &c.ALPN)
}

func addALPN(cmd *cobra.Command, alpn *string) {
	cmd.Flags().StringVar(alpn, "alpn", "", "application `PROTOCOL` to offer (default: none on tls://, "+transport.DefaultALPN+" on quic://)")
}
