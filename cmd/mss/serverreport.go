package main

import (
	"errors"
	"strings"
	"time"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/transcript"
	"github.com/multiselect/multiselect/wire"
)

// report returns the document about one negotiation.
func (e *entry) report(protocol string, err error) report {
	r := report{
		Peer:          e.conn.label,
		Role:          multiselect.Responder.String(),
		Protocol:      orNull(protocol),
		Transcript:    lines(e.record.text.String()),
		BytesSent:     e.record.sent,
		BytesReceived: e.record.received,
		ElapsedMS:     milliseconds(time.Since(e.began)),
		Step:          e.step,
	}
	failed, ok := errors.AsType[*multiselect.Error](err)
	if ok {
		r.Refused = emptyNotNull(failed.Protocols)
	} else { // an agreement has no error that knows them
		r.Refused = emptyNotNull(refusedIn(e.record.text.Bytes()))
	}
	r.Proposed = r.Refused
	if protocol != "" {
		r.Proposed = append(r.Refused[:len(r.Refused):len(r.Refused)], protocol)
	}
	r.End, r.EndCode = endingOf(err)
	if ok && !e.leftAfterList(err) {
		text := e.explain(err)
		r.Error, r.Stage, r.Blame = &text, failed.Phase.String(), failed.Blame().String()
		r.Answer = received(err)
		r.ExitCode = exitCode(err)
	}
	return r
}

// leftAfterList reports whether the client ended the stream after the list that it
// had asked for, which is no failure.
func (e *entry) leftAfterList(err error) bool {
	failed, ok := errors.AsType[*multiselect.Error](err)
	if !ok || exitCode(err) != exitClosed || len(failed.Received) > 0 {
		return false
	}
	lines, err := transcript.Parse(e.record.text.Bytes())
	return err == nil && len(lines) > 0 && lines[len(lines)-1].Kind == transcript.KindList
}

// refusedIn returns the names that were answered "na" in a transcript.
func refusedIn(text []byte) []string {
	lines, err := transcript.Parse(text)
	if err != nil {
		return nil
	}
	var asked, refused []string
	for i, line := range lines {
		if line.Kind == transcript.KindRaw || i == 0 {
			continue // the header of the initiator, or no message at all
		}
		switch {
		case line.From == multiselect.Initiator:
			asked = append(asked, line.Text)
		case line.Text == wire.Header || len(asked) == 0:
		default:
			if line.Text == wire.NA && asked[0] != wire.LS {
				refused = append(refused, asked[0])
			}
			asked = asked[1:]
		}
	}
	return refused
}

// clientLike recognises clients of other protocols by the bytes that they sent in
// place of the header.
func clientLike(failed *multiselect.Error) string {
	received := string(failed.Received)
	switch {
	case failed.Phase != multiselect.PhaseHeader:
		return ""
	case otherVersion(received):
		return "another version of multistream-select"
	}
	for _, known := range []struct{ prefix, client string }{
		{"GET ", "a web client"},
		{"POST ", "a web client"},
		{"HEAD ", "a web client"},
		{"PRI * HTTP/2", "a web client"},
		{"SSH-", "an SSH client"},
		{"\x16\x03", "a TLS client"},
		{"/multistream/", "the header without its length"},
	} {
		if strings.HasPrefix(received, known.prefix) {
			return known.client
		}
	}
	return ""
}

// otherVersion reports whether the bytes begin with a header of another version,
// with its length.
func otherVersion(received string) bool {
	return received != "" && strings.HasPrefix(received[1:], "/multistream/")
}
