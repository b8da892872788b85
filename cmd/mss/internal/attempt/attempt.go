package attempt

import (
	"errors"
	"io"
	"strings"
	"time"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/wire"

	"github.com/multiselect/multiselect/cmd/mss/internal/exit"
	"github.com/multiselect/multiselect/cmd/mss/internal/terminal"
	"github.com/multiselect/multiselect/cmd/mss/internal/transport"
)

// Attempt is one try to agree with a peer, and the record of it, from which Finish and
// Report work. Its methods must not be called concurrently.
type Attempt struct {
	Peer      *Peer
	Timeout   time.Duration // for connecting and negotiating together; 0 for none
	Live      io.Writer     // receives the transcript while it is written
	Protocols []string      // to be proposed, in order; none if only "ls" was asked

	// Err is nil, or the reason why there is no agreement.
	Err error
	// List holds the peer's protocols, if it was asked for them and has answered.
	List wire.List

	mode      string // of a dial: eager or lazy
	refused   []string
	protocol  string // agreed on
	early     int    // bytes that a lazy dial sent before the answer
	record    Record
	connected bool
	elapsed   time.Duration // connecting and negotiating
	rung      string        // the step below the streams that failed: security, muxer or none

	asked      bool // whether the peer was asked for List
	listErr    error
	identified *identified // the answer of a libp2p peer to identify
}

// stage describes how far the attempt came, in words that complete "while …".
func (a *Attempt) stage() string {
	e, negotiated := errors.AsType[*multiselect.Error](a.Err)
	_, unconnected := errors.AsType[*transport.ConnectError](a.Err)
	if a.rung != "" && a.Err != nil {
		above := *a
		above.rung = ""
		return a.rung + ", " + above.stage()
	}
	switch {
	case a.Err == nil:
		return "agreed"
	case unconnected:
		return "connecting"
	case !a.connected && exit.Code(a.Err) == exit.Local:
		return "before connecting: nothing was sent"
	case negotiated && e.Phase == multiselect.PhaseHeader:
		return "waiting for the header"
	case len(a.Protocols) == 0:
		return "waiting for the list"
	case len(a.refused) == len(a.Protocols):
		return "all proposals refused"
	}
	return "waiting for the answer to " + terminal.QuoteName(a.proposed())
}

// headerArrived reports whether the peer is known to speak multistream-select.
func (a *Attempt) headerArrived() bool {
	e, ok := errors.AsType[*multiselect.Error](a.Err)
	return ok && e.Phase != multiselect.PhaseHeader
}

// proposed returns the protocol whose answer ended the attempt.
func (a *Attempt) proposed() string {
	if len(a.refused) < len(a.Protocols) {
		return a.Protocols[len(a.refused)]
	}
	return ""
}

// answered describes all answers of the peer.
func (a *Attempt) answered() string {
	var parts []string
	if len(a.refused) > 0 {
		parts = append(parts, "na to "+terminal.QuoteNames(a.refused))
	}
	e, ok := errors.AsType[*multiselect.Error](a.Err)
	switch {
	case !ok:
	case len(e.Received) > 0:
		parts = append(parts, QuoteReceived(e)+a.question())
	case len(a.refused) < len(a.Protocols) && e.Phase == multiselect.PhaseHeader:
		parts = append(parts, "nothing, not even the header")
	case len(a.refused) < len(a.Protocols):
		parts = append(parts, "nothing"+a.question())
	case len(a.Protocols) == 0 && errors.Is(a.Err, multiselect.ErrNotSupported):
		parts = append(parts, "na to ls")
	}
	return strings.Join(parts, "; ")
}

func (a *Attempt) question() string {
	if e, ok := errors.AsType[*multiselect.Error](a.Err); ok && e.Phase == multiselect.PhaseHeader {
		return " in place of the header"
	}
	if p := a.proposed(); p != "" {
		return " to " + terminal.QuoteName(p)
	}
	return " to ls"
}

// ReceivedText returns the answer that was not acceptable: the text of a message, or
// bytes that are no message.
func ReceivedText(err error) string {
	e, ok := errors.AsType[*multiselect.Error](err)
	if !ok {
		return ""
	}
	if text, ok := e.Answer(); ok {
		return text
	}
	return string(e.Received)
}

// QuoteReceived returns the answer that was not acceptable for a message, quoted.
func QuoteReceived(e *multiselect.Error) string {
	quoted := terminal.QuoteBytes(ReceivedText(e))
	if _, ok := e.Answer(); ok {
		return quoted
	}
	return "the bytes " + quoted
}

// oversize describes what was too large, and the limit. It returns "" if the
// error is another one.
func (a *Attempt) oversize() string {
	if !errors.Is(a.Err, multiselect.ErrTooLarge) {
		return ""
	}
	_, detail, _ := strings.Cut(a.Err.Error(), multiselect.ErrTooLarge.Error()+": ")
	if !strings.Contains(detail, "allowed") && !strings.Contains(detail, "names") {
		limit := "1024 bytes" // the detail about length bytes would not help the user
		if len(a.Protocols) == 0 {
			limit = "64 KiB"
		}
		detail = "more than " + limit
	}
	return "too large: " + detail
}

// offers returns the protocols that the peer has listed, and whether it has.
func (a *Attempt) offers() ([]string, bool) {
	return a.List.Names, a.asked && a.listErr == nil
}

func (a *Attempt) blame() multiselect.Blame {
	if e, ok := errors.AsType[*multiselect.Error](a.Err); ok {
		return e.Blame()
	}
	switch exit.Code(a.Err) {
	case exit.Timeout:
		return multiselect.BlameSlowPeer
	case exit.Usage, exit.Local, exit.Internal, exit.Interrupted:
		return multiselect.BlameLocal
	}
	return multiselect.BlameNone
}

// UniqueNames returns the protocols without duplicates. It fails if one of them cannot
// be sent, or if there are more than a stream may carry.
func UniqueNames(protocols []string) ([]string, error) {
	const maxProposals = 128 // the default of [multiselect.Limits]
	var names []string
	seen := make(map[string]bool)
	for _, p := range protocols {
		if err := wire.CheckName(p, 1024); err != nil {
			return nil, exit.Usagef("%v\nnothing was sent: such a name cannot be proposed", err)
		}
		if !seen[p] {
			names = append(names, p)
			seen[p] = true
		}
	}
	if len(names) > maxProposals {
		return nil, exit.Usagef("%d protocols: at most %d can be proposed on one stream", len(names), maxProposals)
	}
	return names, nil
}
