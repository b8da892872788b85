package serving

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/transcript"
	"github.com/multiselect/multiselect/wire"

	"github.com/multiselect/multiselect/cmd/mss/internal/attempt"
	"github.com/multiselect/multiselect/cmd/mss/internal/exit"
	"github.com/multiselect/multiselect/cmd/mss/internal/transport"
)

// report returns the document about one negotiation.
func (e *entry) report(protocol string, err error) attempt.Report {
	failed, ok := errors.AsType[*multiselect.Error](err)
	var refused []string
	if ok {
		refused = failed.Protocols
	} else { // an agreement has no error that knows them
		refused = refusedIn(e.record.Transcript())
	}
	proposed := refused
	if protocol != "" {
		proposed = append(slices.Clip(refused), protocol)
	}
	r := attempt.NewReport(multiselect.Responder, e.conn.label(), &e.record, time.Since(e.began))
	r.SetNames(protocol, proposed, refused)
	r.Step, r.Time = e.step, stamp(time.Now())
	r.End, r.EndCode = transport.Ending(err)
	if ok && !e.leftAfterList(err) {
		text := e.explain(err)
		r.Error, r.Stage, r.Blame = &text, failed.Phase.String(), failed.Blame().String()
		r.Answer = attempt.ReceivedText(err)
		r.ExitCode = exitCode(err)
	}
	return r
}

// leftAfterList reports whether the client ended the stream after the list that it
// had asked for, which is no failure.
func (e *entry) leftAfterList(err error) bool {
	failed, ok := errors.AsType[*multiselect.Error](err)
	if !ok || exit.Code(err) != exit.Closed || len(failed.Received) > 0 {
		return false
	}
	lines, err := transcript.Parse(e.record.Transcript())
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
	case attempt.IsOtherVersion(received):
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
