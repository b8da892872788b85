package main

import (
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/wire"
)

// writeJSON writes the document about one negotiation, on one line.
func (e *entry) writeJSON(protocol string, err error) {
	r := report{
		Peer:          e.conn.label,
		Role:          multiselect.Responder.String(),
		Protocol:      orNull(protocol),
		Refused:       emptyNotNull(refusedIn(e.record.text.Bytes())),
		Transcript:    lines(e.record.text.String()),
		BytesSent:     e.record.sent,
		BytesReceived: e.record.received,
		ElapsedMS:     milliseconds(time.Since(e.began)),
		ExitCode:      exitCode(err),
	}
	r.Proposed = r.Refused
	if protocol != "" {
		r.Proposed = append(r.Refused[:len(r.Refused):len(r.Refused)], protocol)
	}
	if failed, ok := errors.AsType[*multiselect.Error](err); ok {
		text := e.explain(err)
		r.Error, r.Stage, r.Blame = &text, failed.Phase.String(), failed.Blame().String()
		r.Answer = received(err)
	}
	encoder := json.NewEncoder(e.log.stdio.err)
	encoder.SetEscapeHTML(false)
	encoder.Encode(r) // a log that cannot be written has no other log
}

// refusedIn returns the names that were answered "na" in a transcript.
func refusedIn(text []byte) []string {
	transcript, err := wire.ParseTranscript(text)
	if err != nil {
		return nil
	}
	var asked, refused []string
	for i, line := range transcript {
		if line.Kind == wire.Raw || i == 0 {
			continue // the header of the initiator, or no message at all
		}
		switch {
		case line.From == wire.Initiator:
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

// clientLike recognises clients that speak something else, from what they said.
func clientLike(said string) string {
	for _, known := range []struct{ prefix, client string }{
		{"GET ", "a web client"},
		{"POST ", "a web client"},
		{"HEAD ", "a web client"},
		{"PRI * HTTP/2", "a web client"},
		{"SSH-", "an SSH client"},
		{"\x16\x03", "a TLS client"},
		{"/multistream/", "the header without its length"},
		{"\x13/multistream/", "another version of multistream"},
	} {
		if strings.HasPrefix(said, known.prefix) {
			return known.client
		}
	}
	return ""
}
