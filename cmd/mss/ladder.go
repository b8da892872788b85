package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"strings"
)

// ladder is what was negotiated, and what else was set up, before a peer gave
// streams: each rung is one of our own negotiations.
type ladder struct {
	peer  *peer
	rungs []rung
	live  io.Writer // shows it as it happens
}

// rung is one negotiation below the streams.
type rung struct {
	Step       string   `json:"step"` // security or muxer
	Protocol   *string  `json:"protocol"`
	Transcript []string `json:"transcript"`
}

// rungError is a negotiation below the streams that failed. The attempt knows
// all about it.
type rungError struct{ attempt *attempt }

func (e *rungError) Error() string { return e.attempt.rung + ": " + e.attempt.err.Error() }
func (e *rungError) Unwrap() error { return e.attempt.err }

// agree negotiates one rung on a connection, which stays open. What is said
// stands one level deeper than the rung below.
func (l *ladder) agree(ctx context.Context, step string, conn halfCloser, protocols ...string) (string, error) {
	a := &attempt{peer: l.peer, rung: step, protocols: protocols, connected: true}
	live := l.level()
	fmt.Fprintf(live, "# %s\n", step)
	t := newTalk(conn, &a.record, live)
	a.err = a.agree(ctx, t)
	if isRefusal(a.err) {
		a.askOffers(ctx, t)
	}
	l.rungs = append(l.rungs, rung{step, orNull(a.protocol), lines(a.record.text.String())})
	if a.err != nil {
		return "", &rungError{a}
	}
	return a.protocol, nil
}

// note tells what TLS has agreed on.
func (l *ladder) note(state tls.ConnectionState) {
	text := tls.VersionName(state.Version)
	if len(state.PeerCertificates) > 0 {
		text += ", certificate " + fingerprint(state.PeerCertificates[0].Raw)
	}
	if state.NegotiatedProtocol != "" {
		text += ", ALPN " + state.NegotiatedProtocol
	}
	l.comment(text)
}

func (l *ladder) comment(text string) {
	fmt.Fprintf(l.level(), "# %s\n", text)
}

// level returns where what happens on top of the rungs so far is shown.
func (l *ladder) level() io.Writer { return l.above(l.live) }

// above returns a writer to w, on top of the rungs so far.
func (l *ladder) above(w io.Writer) io.Writer { return indent(w, len(l.rungs)) }

// indent returns a writer of whole lines to w, each of them one level deeper than
// those of the level below.
func indent(w io.Writer, level int) io.Writer {
	if level == 0 || w == io.Discard {
		return w
	}
	return indented{w, strings.Repeat("  ", level)}
}

type indented struct {
	w      io.Writer
	margin string
}

func (i indented) Write(p []byte) (int, error) {
	var b bytes.Buffer
	for line := range bytes.Lines(p) {
		b.WriteString(i.margin)
		b.Write(line)
	}
	if _, err := i.w.Write(b.Bytes()); err != nil {
		return 0, err
	}
	return len(p), nil
}

// agree makes the proposals of an attempt one after the other. Header and
// first proposal leave in one write, and the stream stays usable after a refusal,
// which is why this does not call SelectOneOf: the peer can still be asked what
// it offers.
func (a *attempt) agree(ctx context.Context, t *talk) error {
	var err error
	for _, p := range a.protocols {
		if err = t.try(ctx, p); err == nil {
			a.protocol = p
			return nil
		}
		if !isRefusal(err) {
			return err
		}
		a.refused = append(a.refused, p)
	}
	return err
}

// fail takes over why a rung failed, if it is that which failed.
func (a *attempt) fail(err error) {
	a.err = err
	if e, ok := err.(*rungError); ok {
		r := e.attempt
		a.rung, a.protocols, a.refused, a.err = r.rung, r.protocols, r.refused, r.err
		a.list, a.listErr, a.asked = r.list, r.listErr, r.asked
		a.connected, a.mode = true, ""
		a.record.sent, a.record.received = r.record.sent, r.record.received
	}
}
