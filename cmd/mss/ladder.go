package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"strings"
)

// ladder records the negotiations below the streams of a peer, one rung each.
type ladder struct {
	peer  *peer
	rungs []rung
	live  io.Writer // receives the transcript while it is written
}

// rung is one negotiation below the streams.
type rung struct {
	Step       string   `json:"step"` // security or muxer
	Protocol   *string  `json:"protocol"`
	Transcript []string `json:"transcript"`
}

// rungError is the failure of a negotiation below the streams. The attempt holds
// its record.
type rungError struct{ attempt *attempt }

func (e *rungError) Error() string { return e.attempt.rung + ": " + e.attempt.err.Error() }
func (e *rungError) Unwrap() error { return e.attempt.err }

// agree negotiates one rung on a connection, which stays open. Its transcript is
// indented one level deeper than that of the rung below.
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

// note adds a comment with the version, certificate and ALPN of TLS.
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

// level returns the writer for the transcript of the next rung, indented.
func (l *ladder) level() io.Writer { return l.above(l.live) }

// above returns a writer to w, indented for the next rung.
func (l *ladder) above(w io.Writer) io.Writer { return indent(w, len(l.rungs)) }

// indent returns a writer that indents the lines written to w. Each Write must
// consist of whole lines.
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

// agree makes the proposals of an attempt one after the other. It does not call
// SelectOneOf, because the stream has to stay usable after a refusal: the peer can
// then be asked for its list.
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

// fail records err. If a rung failed, it copies the record of that negotiation.
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
