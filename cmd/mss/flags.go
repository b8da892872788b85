package main

import (
	"io"
	"time"

	"github.com/spf13/cobra"
)

// peerFlags are the flags of every verb that talks to a peer.
type peerFlags struct {
	trust
	to      string
	timeout time.Duration
	verbose bool
	json    bool
	given   func(flag string) bool // whether the command line has the flag
}

func (f *peerFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.to, "to", "", "the peer's `ADDR`: "+addressForms+" (default: a responder inside mss)")
	cmd.Flags().DurationVar(&f.timeout, "timeout", 10*time.Second, "time limit for connecting and negotiating together; 0 for none")
	cmd.Flags().BoolVarP(&f.verbose, "verbose", "v", false, "show the messages on standard error as they are sent and received; no effect with --json, whose document contains them")
	cmd.ValidArgsFunction = f.complete
	addTrust(cmd, &f.trust)
	f.given = cmd.Flags().Changed
}

// open returns the peer of the flags. It does not connect.
func (f *peerFlags) open() (*peer, error) {
	if f.timeout < 0 {
		return nil, usagef("--timeout %v: it cannot be negative", f.timeout)
	}
	if !f.given("to") {
		if err := f.trust.check(loopback); err != nil {
			return nil, err
		}
		return startEmbedded()
	}
	a, err := parseAddress(f.to)
	if err != nil {
		return nil, err
	}
	return newPeer(a, f.to, &f.trust), f.trust.check(a)
}

// live returns the writer for this verb's live transcript.
func (f *peerFlags) live(s *stdio) io.Writer {
	if f.verbose && !f.json { // the document holds it
		return s.transcriptWriter()
	}
	return io.Discard
}

// attempt returns an attempt to agree on protocols with a peer.
func (f *peerFlags) attempt(s *stdio, p *peer, protocols ...string) *attempt {
	return &attempt{peer: p, timeout: f.timeout, live: f.live(s), protocols: protocols}
}

// parseAddress reads the address in a flag.
func parseAddress(s string) (address, error) {
	a, err := parse(s)
	if err != nil {
		return a, usagef("%w", err)
	}
	return a, nil
}

// addTrust adds the flags of a client of tls:// and quic://.
func addTrust(cmd *cobra.Command, t *trust) {
	cmd.Flags().StringVar(&t.ca, "ca", "", "trust the certificates in this PEM `FILE` and no others (tls://, quic://)")
	cmd.Flags().StringVar(&t.pin, "pin", "", "trust the certificate with this fingerprint, `sha256:HEX`, and no other (tls://, quic://)")
	cmd.Flags().BoolVar(&t.insecure, "insecure", false, "trust any certificate (tls://, quic://)")
	addALPN(cmd, &t.alpn)
}

// addCertificates adds the flags of a server of tls:// and quic://.
func addCertificates(cmd *cobra.Command, c *certificates) {
	cmd.Flags().StringVar(&c.cert, "cert", "", "certificate `FILE` (PEM) of tls:// and quic:// (default: one made for this run)")
	cmd.Flags().StringVar(&c.key, "key", "", "the certificate's private key `FILE` (PEM)")
	addALPN(cmd, &c.alpn)
}

func addALPN(cmd *cobra.Command, alpn *string) {
	cmd.Flags().StringVar(alpn, "alpn", "", "application `PROTOCOL` of TLS (default: none for tls://, "+defaultALPN+" for quic://)")
}
