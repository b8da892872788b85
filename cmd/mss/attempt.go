package main

import (
	"errors"
	"io"
	"strings"
	"time"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/wire"
)

// attempt is one try to agree with a peer, and the record of it, from which
// explain and report work.
type attempt struct {
	peer      *peer
	timeout   time.Duration // for connecting and negotiating together; 0 for none
	live      io.Writer     // receives the transcript while it is written
	protocols []string      // to be proposed, in order; none if only "ls" was asked
	mode      string        // of a dial: eager or lazy
	refused   []string
	protocol  string // agreed on
	early     int    // bytes that a lazy dial sent before the answer
	record    record
	connected bool
	elapsed   time.Duration // connecting and negotiating
	err       error         // nil, or the reason why there is no agreement
	rung      string        // the step below the streams that failed: security, muxer or none

	// list holds the peer's protocols. It is known if listErr is nil and asked is set.
	list    wire.List
	listErr error
	asked   bool

	identified *identified // the answer of a libp2p peer to identify
}

// stage describes how far the attempt came, in words that complete "while …".
func (a *attempt) stage() string {
	e, negotiated := errors.AsType[*multiselect.Error](a.err)
	_, unconnected := errors.AsType[*connectError](a.err)
	if a.rung != "" && a.err != nil {
		above := *a
		above.rung = ""
		return a.rung + ", " + above.stage()
	}
	switch {
	case a.err == nil:
		return "agreed"
	case unconnected:
		return "connecting"
	case negotiated && e.Phase == multiselect.PhaseHeader:
		return "waiting for the header"
	case len(a.protocols) == 0:
		return "waiting for the list"
	case len(a.refused) == len(a.protocols):
		return "all proposals refused"
	}
	return "waiting for the answer to " + display(a.proposed())
}

// headerArrived reports whether the peer is known to speak multistream-select.
func (a *attempt) headerArrived() bool {
	e, ok := errors.AsType[*multiselect.Error](a.err)
	return ok && e.Phase != multiselect.PhaseHeader
}

// proposed returns the protocol whose answer ended the attempt.
func (a *attempt) proposed() string {
	if len(a.refused) < len(a.protocols) {
		return a.protocols[len(a.refused)]
	}
	return ""
}

// answered describes all answers of the peer.
func (a *attempt) answered() string {
	var parts []string
	if len(a.refused) > 0 {
		parts = append(parts, "na to "+displayAll(a.refused))
	}
	e, ok := errors.AsType[*multiselect.Error](a.err)
	switch {
	case !ok:
	case len(e.Received) > 0:
		parts = append(parts, quoteReceived(e)+a.question())
	case len(a.refused) < len(a.protocols) && e.Phase == multiselect.PhaseHeader:
		parts = append(parts, "nothing, not even the header")
	case len(a.refused) < len(a.protocols):
		parts = append(parts, "nothing"+a.question())
	case len(a.protocols) == 0 && errors.Is(a.err, multiselect.ErrNotSupported):
		parts = append(parts, "na to ls")
	}
	return strings.Join(parts, "; ")
}

func (a *attempt) question() string {
	if e, ok := errors.AsType[*multiselect.Error](a.err); ok && e.Phase == multiselect.PhaseHeader {
		return " in place of the header"
	}
	if p := a.proposed(); p != "" {
		return " to " + display(p)
	}
	return " to ls"
}

// received returns the answer that was not acceptable: the text of a message, or
// bytes that are no message.
func received(err error) string {
	e, ok := errors.AsType[*multiselect.Error](err)
	if !ok {
		return ""
	}
	if text, ok := e.Answer(); ok {
		return text
	}
	return string(e.Received)
}

// quoteReceived is received for people.
func quoteReceived(e *multiselect.Error) string {
	quoted := excerpt(received(e))
	if _, ok := e.Answer(); ok {
		return quoted
	}
	return "the bytes " + quoted
}

// oversize describes what was too large, and the limit. It returns "" if the
// error is another one.
func (a *attempt) oversize() string {
	if !errors.Is(a.err, multiselect.ErrTooLarge) {
		return ""
	}
	_, detail, _ := strings.Cut(a.err.Error(), multiselect.ErrTooLarge.Error()+": ")
	if !strings.Contains(detail, "allowed") && !strings.Contains(detail, "names") {
		limit := "1024 bytes" // the detail about length bytes would not help the user
		if len(a.protocols) == 0 {
			limit = "64 KiB"
		}
		detail = "more than " + limit
	}
	return "too large: " + detail
}

// offers returns the protocols that the peer has listed, and whether it has.
func (a *attempt) offers() ([]string, bool) {
	return a.list.Names, a.asked && a.listErr == nil
}

func (a *attempt) blame() multiselect.Blame {
	if e, ok := errors.AsType[*multiselect.Error](a.err); ok {
		return e.Blame()
	}
	switch exitCode(a.err) {
	case exitTimeout:
		return multiselect.BlameSlowPeer
	case exitUsage, exitLocal, exitInternal, exitInterrupted:
		return multiselect.BlameLocal
	}
	return multiselect.BlameNone
}

// unique returns the protocols without duplicates. It fails if one of them cannot
// be sent, or if there are more than a stream may carry.
func unique(protocols []string) ([]string, error) {
	const maxProposals = 128 // the default of [multiselect.Limits]
	var names []string
	seen := make(map[string]bool)
	for _, p := range protocols {
		if err := wire.CheckName(p, 1024); err != nil {
			return nil, usagef("%v\nnothing was sent: such a name cannot be proposed", err)
		}
		if !seen[p] {
			names = append(names, p)
			seen[p] = true
		}
	}
	if len(names) > maxProposals {
		return nil, usagef("%d protocols: at most %d can be proposed on one stream", len(names), maxProposals)
	}
	return names, nil
}
