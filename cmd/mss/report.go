package main

import (
	"errors"
	"strings"
	"time"

	"github.com/multiselect/multiselect"
)

// report is a negotiation as a JSON document: of dial and ls, and of each
// connection of serve. Fields are added to it, never changed or removed.
type report struct {
	Peer          string   `json:"peer"`
	Role          string   `json:"role"`
	Mode          string   `json:"mode,omitempty"` // of a dial: eager or lazy
	Protocol      *string  `json:"protocol"`       // agreed on, or null
	Proposed      []string `json:"proposed"`
	Refused       []string `json:"refused"`
	Offers        []string `json:"offers"` // null if not known
	Dialect       string   `json:"dialect,omitempty"`
	Transcript    []string `json:"transcript"`
	BytesSent     int      `json:"bytes_sent"`
	BytesReceived int      `json:"bytes_received"`
	EarlyBytes    *int     `json:"early_bytes,omitempty"` // of a lazy dial: sent before the answer, not among bytes_sent
	ElapsedMS     float64  `json:"elapsed_ms"`
	Error         *string  `json:"error"`
	Stage         string   `json:"stage,omitempty"`
	Answer        string   `json:"answer,omitempty"` // the text or bytes that were not acceptable
	Blame         string   `json:"blame,omitempty"`
	Nearest       string   `json:"nearest,omitempty"`
	Next          string   `json:"next,omitempty"`
	ExitCode      int      `json:"exit_code"`
	Step          string   `json:"step,omitempty"`     // of a negotiation below the streams: security or muxer
	Ladder        []rung   `json:"ladder,omitempty"`   // the negotiations below the stream
	End           string   `json:"end,omitempty"`      // how the peer ended it: fin, reset, stop_sending, closed
	EndCode       *uint64  `json:"end_code,omitempty"` // with which code, where the transport has them
}

// report returns the document about an attempt.
func (a *attempt) report() report {
	r := report{
		Peer:          a.peer.given,
		Role:          multiselect.Initiator.String(),
		Mode:          a.mode,
		Protocol:      orNull(a.protocol),
		Proposed:      emptyNotNull(a.protocols),
		Refused:       emptyNotNull(a.refused),
		Transcript:    lines(a.record.text.String()),
		BytesSent:     a.record.sent,
		BytesReceived: a.record.received,
		ElapsedMS:     milliseconds(a.elapsed),
		ExitCode:      exitCode(a.err),
	}
	if a.peer.given == "" {
		r.Peer = "embedded"
	}
	if a.mode == lazyMode {
		r.EarlyBytes = &a.early
	}
	r.Ladder = a.peer.ladder.rungs
	r.End, r.EndCode = endingOf(a.err)
	if names, known := a.offers(); known {
		r.Offers = emptyNotNull(names)
		r.Dialect = a.list.Dialect.String()
		if a.identified != nil {
			r.Dialect = dialectIdentify
		}
	}
	if a.err != nil {
		x := explain(a)
		r.Error, r.Stage, r.Next = &x.summary, a.stage(), x.next
		r.Blame = a.blame().String()
		r.Answer = received(a.err)
		if x.near != nil {
			r.Nearest = x.near.offered
		}
	}
	return r
}

// finish reports the outcome: as a line of JSON, or in words if the attempt
// failed. It returns a.err with its exit code.
func (a *attempt) finish(s *stdio, asJSON bool) error {
	if asJSON {
		if err := s.printLine(a.report()); err != nil {
			return err
		}
	}
	if a.err == nil {
		return nil
	}
	if !asJSON {
		s.printError(explain(a).String())
	}
	return &failure{code: exitCode(a.err), err: a.err, told: true}
}

func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func emptyNotNull(names []string) []string {
	if names == nil {
		return []string{}
	}
	return names
}

func lines(text string) []string {
	if text == "" {
		return []string{}
	}
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n")
}

func milliseconds(d time.Duration) float64 {
	return float64(d.Microseconds()) / 1000
}

// isRefusal reports whether the peer refused, so that the stream is still usable.
func isRefusal(err error) bool { return errors.Is(err, multiselect.ErrNotSupported) }
