package report

import (
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/conform"
	"github.com/multiselect/multiselect/transcript"
	"github.com/multiselect/multiselect/wire"
)

// Limits of the page, for each play.
const (
	maxBytes      = 4096 // of all events together
	maxEventLines = 40
)

// nameView is a placeholder of the script with its name.
type nameView struct{ Placeholder, Name string }

// eventView is an event on the stream.
type eventView struct {
	At     string
	Arrow  string
	Who    string // "tester" or "under test"
	Tester bool
	What   string   // "20 bytes", "half-close"
	Note   string   // a remark of the tester
	Lines  []string // of the transcript
	Hex    string
}

// piece is a part of a sentence. If Link is true, it is an address.
type piece struct {
	Text string
	Link bool
}

func newPlay(anchor, party string, column int, r *conform.Result) *playView {
	p := &playView{
		Anchor: fmt.Sprintf("%s-%d", anchor, column),
		Party:  party,
		Status: Status(r),
		Class:  r.Verdict.String(),
		Plain:  Status(r) == conform.VerdictPass.String(),
		Open:   r.Bad() || r.Verdict == conform.VerdictFail || r.Verdict == conform.VerdictWarn,
		Reason: r.Reason, Expected: splitLinks(r.Expected),
		Outcome:  outcomeIndex(r) + 1,
		Duration: formatDuration(r.Duration),
	}
	if p.Status == "unexpected" {
		p.Class = conform.VerdictFail.String()
	}
	script := strings.Join(r.Case.Script, "\n")
	for placeholder, name := range r.Names {
		if !strings.Contains(script, "${"+placeholder) {
			continue // of other cases
		}
		shown := quoteName(name)
		if omitted := len(shown) - maxWidth; omitted > 0 {
			shown = shown[:maxWidth] + fmt.Sprintf("… (%d more bytes)", omitted)
		}
		p.Names = append(p.Names, nameView{placeholder, shown})
	}
	slices.SortFunc(p.Names, func(a, b nameView) int { return strings.Compare(a.Placeholder, b.Placeholder) })
	p.addEvents(r)
	return p
}

// addEvents copies the events, up to the limits.
func (p *playView) addEvents(r *conform.Result) {
	left, hidden := maxBytes, 0
	for i, e := range r.Events {
		if i == maxEvents {
			p.More = fmt.Sprintf("%d events are not shown. ", len(r.Events)-i)
			break
		}
		shown := min(left, len(e.Data))
		left -= shown
		hidden += len(e.Data) - shown
		p.Events = append(p.Events, newEvent(r.Case.Role, &e, shown))
	}
	if hidden > 0 {
		p.More += fmt.Sprintf("%d bytes are not shown.", hidden)
	}
}

func newEvent(underTest multiselect.Role, e *conform.Event, shown int) eventView {
	v := eventView{At: formatDuration(e.At), Note: e.Note, Tester: e.From != underTest, Who: "under test", Arrow: ">"}
	if v.Tester {
		v.Who = "tester"
	}
	if e.From == multiselect.Responder {
		v.Arrow = "<"
	}
	switch e.Kind {
	case conform.EventData:
		v.What = fmt.Sprintf("%d bytes", len(e.Data))
		if len(e.Data) == 1 {
			v.What = "1 byte"
		}
		v.Lines = clip(transcript.Transcribe(e.From, e.Data, wire.MaxList), maxEventLines)
		v.Hex = formatHex(e.Data[:shown])
		if shown < len(e.Data) {
			v.Hex += " …"
		}
	case conform.EventNote:
		v.Arrow, v.Who, v.Tester = "#", "note", true
	default:
		v.What = e.Kind.String()
	}
	return v
}

// hexadecimal returns "13 2f 6d".
func formatHex(b []byte) string {
	digits := hex.EncodeToString(b)
	var s strings.Builder
	for i := 0; i < len(digits); i += 2 {
		if i > 0 {
			s.WriteByte(' ')
		}
		s.WriteString(digits[i : i+2])
	}
	return s.String()
}

// formatDuration returns a duration in µs, ms or s, with at most two decimals.
func formatDuration(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return fmt.Sprintf("%d µs", d.Microseconds())
	case d < time.Second:
		return fmt.Sprintf("%.1f ms", milliseconds(d))
	}
	return fmt.Sprintf("%.2f s", d.Seconds())
}

var address = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`https?://[^\s<>"]*[^\s<>".,;:)]`)
})

// splitLinks splits a sentence into addresses and other text.
func splitLinks(s string) (pieces []piece) {
	for s != "" {
		at := address().FindStringIndex(s)
		if at == nil {
			return append(pieces, piece{Text: s})
		}
		if at[0] > 0 {
			pieces = append(pieces, piece{Text: s[:at[0]]})
		}
		pieces = append(pieces, piece{Text: s[at[0]:at[1]], Link: true})
		s = s[at[1]:]
	}
	return pieces
}
