package attempt

import (
	"errors"
	"strings"
	"time"

	"github.com/multiselect/multiselect"

	"github.com/multiselect/multiselect/cmd/mss/internal/exit"
	"github.com/multiselect/multiselect/cmd/mss/internal/terminal"
	"github.com/multiselect/multiselect/cmd/mss/internal/transport"
)

// Report is a negotiation as a JSON document: of dial and ls, and of each
// connection of serve. Fields are added to it, never changed or removed.
type Report struct {
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
	Ladder        []Rung   `json:"ladder,omitempty"`   // the negotiations below the stream
	End           string   `json:"end,omitempty"`      // how the peer ended it: fin, reset, stop_sending, closed
	EndCode       *uint64  `json:"end_code,omitempty"` // with which code, where the transport has them
	Time          string   `json:"time,omitempty"`     // of the end of the negotiation, in the log of serve
}

// NewReport returns the document about a negotiation with a peer, as far as it does not
// depend on the outcome.
func NewReport(role multiselect.Role, peer string, r *Record, elapsed time.Duration) Report {
	return Report{
		Peer:          peer,
		Role:          role.String(),
		Transcript:    r.lines(),
		BytesSent:     r.sent,
		BytesReceived: r.received,
		ElapsedMS:     Milliseconds(elapsed),
	}
}

// SetNames sets the protocol that was agreed on, if one was, and those that were
// proposed and refused.
func (r *Report) SetNames(protocol string, proposed, refused []string) {
	r.Protocol, r.Proposed, r.Refused = orNull(protocol), emptyNotNull(proposed), emptyNotNull(refused)
}

// Report returns the document about an attempt.
func (a *Attempt) Report() Report {
	r := NewReport(multiselect.Initiator, a.Peer.Name(), &a.record, a.elapsed)
	r.SetNames(a.protocol, a.Protocols, a.refused)
	r.Mode, r.ExitCode = a.mode, exit.Code(a.Err)
	if a.mode == LazyMode {
		r.EarlyBytes = &a.early
	}
	r.Ladder = a.Peer.ladder.rungs
	r.End, r.EndCode = transport.Ending(a.Err)
	if names, known := a.offers(); known {
		r.Offers = emptyNotNull(names)
		r.Dialect = a.List.Dialect.String()
		if a.identified != nil {
			r.Dialect = dialectIdentify
		}
	}
	if a.Err != nil {
		x := explain(a)
		r.Error, r.Stage, r.Next = &x.summary, a.stage(), x.next
		r.Blame = a.blame().String()
		r.Answer = ReceivedText(a.Err)
		if x.near != nil {
			r.Nearest = x.near.offered
		}
	}
	return r
}

// Finish reports the outcome: as a line of JSON, or in words if the attempt
// failed. It returns a.Err with its exit code, as an error that
// was told.
func (a *Attempt) Finish(s *terminal.Stdio, asJSON bool) error {
	if asJSON {
		if err := s.PrintLine(a.Report()); err != nil {
			return err
		}
	}
	if a.Err == nil {
		return nil
	}
	if !asJSON {
		s.PrintError(explain(a).String())
	}
	return &exit.Error{Code: exit.Code(a.Err), Err: a.Err, Told: true}
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

// Milliseconds returns a time as documents show it.
func Milliseconds(d time.Duration) float64 {
	return float64(d.Microseconds()) / 1000
}

// isRefusal reports whether the peer refused, so that the stream is still usable.
func isRefusal(err error) bool { return errors.Is(err, multiselect.ErrNotSupported) }
