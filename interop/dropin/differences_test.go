package dropin

import (
	"slices"
	"strings"
	"testing"

	"github.com/multiselect/multiselect/wire"
)

var headerFrame = wire.HeaderFrame

// difference is one that is wanted. The documentation of gomultistream says why.
type difference struct {
	why string
	is  func(s scene, theirs, ours outcome) bool
}

var differences = []difference{
	{"a name that cannot be proposed is refused before a byte is sent", func(s scene, _, ours outcome) bool {
		return ours.class == "invalid name" && ours.written == "" && slices.ContainsFunc(s.names, func(name string) bool {
			return reservedName(name) || s.role == "lazy" && strings.Trim(name, " \x00") != name
		})
	}},
	{"a name that cannot be proposed is not agreed to", func(s scene, theirs, _ outcome) bool {
		return s.role == "responder" && theirs.class == "success" && reservedName(theirs.protocol)
	}},
	{"the header is compared as it arrives", func(s scene, theirs, ours outcome) bool {
		return ours.class == "not multistream" && ours.written == theirs.written &&
			!strings.HasPrefix(headerFrame, said(s)) && !strings.HasPrefix(said(s), headerFrame)
	}},
	{"an answer that came before its question is none", func(s scene, theirs, ours outcome) bool {
		return s.early && ours.class == "unexpected answer" && strings.HasPrefix(theirs.written, ours.written)
	}},
	{"proposals are bounded", func(s scene, theirs, ours outcome) bool {
		// Whose peer stops reading does not come as far as the bound by itself.
		unheard := theirs.class == "unwanted" && proposed(s) > 128 && strings.HasPrefix(theirs.written, ours.written)
		return ours.class == "limit" && (unheard || strings.Count(theirs.written, say(wire.NA)) > 126)
	}},
	{"a peer that was refused must receive the agreement", func(s scene, theirs, ours outcome) bool {
		return s.role == "responder" && theirs.class == "success" && ours.class == "unwanted" &&
			theirs.written == ours.written && strings.Contains(ours.written, say(wire.NA))
	}},
	{"answers to proposals that came together leave together, or not at all", func(s scene, theirs, ours outcome) bool {
		return s.role == "responder" && theirs.class == "unwanted" && ours.class != "success" &&
			strings.HasPrefix(ours.written, theirs.written)
	}},
	{"broken framing: which of two faults is named, and how much is read after it", func(s scene, theirs, ours outcome) bool {
		ended := theirs.class == "end inside" || theirs.class == "reset"
		return broken(ours) && (broken(theirs) || ended) && theirs.written == ours.written
	}},
	{"how much is read when the negotiation has failed", func(s scene, theirs, ours outcome) bool {
		ahead := theirs.unread - ours.unread
		theirs.unread = ours.unread
		return same(theirs, ours) && ours.class != "success" && ahead <= 1026 // the shortest message that could be agreed on
	}},
}

const (
	proposedOnce     = "a protocol that is listed twice is proposed once"
	headerWithAnswer = "the header of the responder is sent with its first answer"
)

// explain returns why two outcomes differ, "" if nothing says why. An initiator with a
// protocol twice has to do what go-multistream does with it once.
func explain(s scene, theirs, ours outcome) string {
	for _, d := range differences {
		if d.is(s, theirs, ours) {
			return d.why
		}
	}
	if s.role == "responder" && explainHeader(s, theirs, ours) {
		return headerWithAnswer
	}
	distinct := s
	distinct.names = nil
	for _, name := range s.names {
		if !slices.Contains(distinct.names, name) {
			distinct.names = append(distinct.names, name)
		}
	}
	if s.role != "initiator" || len(distinct.names) == len(s.names) {
		return ""
	}
	if theirs = their.play(distinct); same(theirs, ours) || explain(distinct, theirs, ours) != "" {
		return proposedOnce
	}
	return ""
}

// explainHeader reports whether two outcomes of a responder differ only because ours sends the
// header with the first answer: not at all if there is none, and otherwise in fewer writes.
func explainHeader(s scene, theirs, ours outcome) bool {
	if ours.written == "" && theirs.written == headerFrame {
		theirs.written = ""
		return same(theirs, ours) || explain(s, theirs, ours) != ""
	}
	if s.writes <= 0 || !strings.HasPrefix(ours.written, headerFrame) {
		return false
	}
	more := s
	for range strings.Count(ours.written, "\n") { // one write for each message
		more.writes++
		theirs = their.play(more)
		if same(theirs, ours) {
			return true
		}
		for _, d := range differences {
			if d.is(more, theirs, ours) {
				return true
			}
		}
	}
	return false
}

func reservedName(name string) bool { return wire.CheckName(name, 1024) != nil }

func broken(o outcome) bool { return o.class == "malformed" || o.class == "too large" }

// proposed counts what the script says behind the header.
func proposed(s scene) (n int) {
	for rest := []byte(strings.TrimPrefix(said(s), headerFrame)); ; n++ {
		_, size, err := wire.ConsumeMessage(rest, 1024)
		if size == 0 || err != nil {
			return n
		}
		rest = rest[size:]
	}
}

// said is all that the script says.
func said(s scene) string {
	var b strings.Builder
	for _, c := range s.script {
		b.WriteString(c.bytes)
	}
	return b.String()
}

// Each difference is a row of the package documentation.
func TestDocumented(t *testing.T) {
	doc := read(t, "../../gomultistream/doc.go")
	for _, why := range append(whys(), proposedOnce, headerWithAnswer) {
		if !strings.Contains(doc, "\n//\t"+why+"\n//\t  there ") {
			t.Errorf("doc.go has no row %q", why)
		}
	}
}

func whys() (all []string) {
	for _, d := range differences {
		all = append(all, d.why)
	}
	return all
}
