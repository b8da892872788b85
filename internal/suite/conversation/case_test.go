package conversation_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/conform"
	"github.com/multiselect/multiselect/transcript"
	"github.com/multiselect/multiselect/wire"
)

// The names that the placeholders of the cases stand for. The muxer of the tests
// serves all of them.
const (
	nameA    = "/foo/1.0.0"
	nameB    = "/bar/2.0.0"
	nameRaw  = "svc/raw"   // no slash
	nameNine = "/foo/bar1" // the length of its message is a newline
)

var (
	nameLong = "/" + strings.Repeat("L", 200) // a length of two bytes

	placeholders = map[string]string{"A": nameA, "B": nameB, "Raw": nameRaw, "Nine": nameNine, "Long": nameLong}
	served       = []string{nameLong, nameB, nameA, nameNine, nameRaw} // in the order of the list
)

// conversation is a case, prepared for this library.
type conversation struct {
	*conform.Case
	actions   []action
	elements  []string // everything that the library sends, element by element
	proposals []string // the names that an initiator is told to propose
	agreed    string   // the protocol that the library agrees on, or
	fails     *failure // its failure
	payload   string   // the bytes of the tester after the agreement

	refused int // how many proposals are refused before the end
	extra   settings
}

// action is the next thing that the tester does.
type action struct {
	word  string // "close-write", …; "" is send or await
	await int    // bytes that must have arrived, all in all
	send  string // in one write
	lines []line // of send
}

// line is a line of a script or outcome.
type line struct {
	word, rest string          // "repeat", "--", …, or
	line       transcript.Line // a line of a transcript, expanded
	times      int
}

func (l *line) bytes() string { return string(l.line.AppendBytes(nil)) }

// parseLines reads the lines of a script or outcome and expands their placeholders.
func parseLines(t testing.TB, texts []string) (lines []line) {
	t.Helper()
	times := 1
	for i := 0; i < len(texts); i++ {
		text := texts[i]
		if !strings.HasPrefix(text, ">") && !strings.HasPrefix(text, "<") {
			word, rest, _ := strings.Cut(text, " ")
			if word == "repeat" {
				times = number(t, rest)
				continue
			}
			lines = append(lines, line{word: word, rest: rest})
			continue
		}
		for ; i+1 < len(texts) && strings.HasPrefix(texts[i+1], " "); i++ {
			text += "\n" + texts[i+1]
		}
		parsed, err := transcript.Parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		l := line{line: parsed[0], times: times}
		times = 1
		l.expand(t)
		lines = append(lines, l)
	}
	return lines
}

func number(t testing.TB, text string) int {
	t.Helper()
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func (l *line) expand(t testing.TB) {
	t.Helper()
	if l.line.Text == "${list}" || l.line.Text == "${any}" { // any answer to "ls" is a list
		l.line.Kind, l.line.Text, l.line.Names = transcript.KindList, "", served
		return
	}
	l.line.Text = expand(t, l.line.Text)
	for i, name := range l.line.Names {
		l.line.Names[i] = expand(t, name)
	}
}

func expand(t testing.TB, text string) string {
	t.Helper()
	text, err := conform.Expand(text, placeholders)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// newConversation prepares a case. It returns nil if no outcome of the case is an
// agreement, and the case does not say how the library fails.
func newConversation(t testing.TB, c *conform.Case) *conversation {
	t.Helper()
	v := &conversation{Case: c, proposals: []string{nameA, nameB}}
	if c.Propose != nil {
		v.proposals = nil
		for _, name := range c.Propose {
			v.proposals = append(v.proposals, expand(t, name))
		}
	}
	v.readExtra(t)
	script := parseLines(t, c.Script)
	for i := range c.Legal {
		o := &c.Legal[i]
		if (v.fails != nil) != (o.Ends == conform.EndAbort) {
			continue
		}
		v.elements = elements(parseLines(t, o.Sent))
		v.setActions(script)
		if v.negotiate(); v.fails != nil {
			v.agreed, v.payload = "", ""
		}
		if v.agreed != "" || v.fails != nil {
			return v
		}
	}
	return nil
}

func elements(lines []line) (all []string) {
	for _, l := range lines {
		for range l.times {
			all = append(all, l.bytes())
		}
	}
	return all
}

// setActions makes the actions of a script. Consecutive lines of the tester are one
// write, unless a boundary parts them.
func (v *conversation) setActions(script []line) {
	v.actions = nil
	awaited := 0
	isPart := false // of the write before
	for _, l := range script {
		switch {
		case l.word == "--":
			isPart = false
			continue
		case l.word == "split": // the paces do that
			continue
		case l.word != "":
			v.actions = append(v.actions, action{word: l.word})
		case l.line.From == v.Role:
			awaited = min(awaited+l.times, len(v.elements))
			v.actions = append(v.actions, action{await: len(strings.Join(v.elements[:awaited], ""))})
		default:
			if !isPart {
				v.actions = append(v.actions, action{})
			}
			a := &v.actions[len(v.actions)-1]
			a.send += strings.Repeat(l.bytes(), l.times)
			a.lines = append(a.lines, l)
			isPart = true
			continue
		}
		isPart = false
	}
}

// sent returns everything that the tester sends.
func (v *conversation) sent() (bytes string) {
	for _, a := range v.actions {
		bytes += a.send
	}
	return bytes
}

// wanted returns everything that the library sends, up to the agreement if there is one.
func (v *conversation) wanted() string {
	all := strings.Join(v.elements, "")
	if v.agreed != "" { // the party of a case is an echo
		all = strings.TrimSuffix(all, v.payload)
	}
	return all
}

// negotiate follows the questions and answers after the headers, and sets agreed,
// payload and refused.
func (v *conversation) negotiate() {
	v.agreed, v.payload, v.refused = "", "", 0
	rest := v.sent()
	questions := messagesOf(strings.Join(v.elements, ""))
	for i := 0; ; i++ {
		text, n, err := wire.ConsumeMessage([]byte(rest), wire.MaxList)
		if err != nil || n == 0 {
			return
		}
		rest = rest[n:]
		switch {
		case i == 0: // the header
		case v.Role == multiselect.Responder && slices.Contains(served, string(text)),
			v.Role == multiselect.Initiator && i < len(questions) && questions[i] != wire.LS && questions[i] == string(text):
			v.agreed, v.payload = string(text), rest
			return
		case string(text) == wire.NA && i < len(questions) && questions[i] != wire.LS:
			v.refused++
		}
	}
}

// messagesOf returns the messages at the beginning of bytes.
func messagesOf(bytes string) (texts []string) {
	for {
		text, n, err := wire.ConsumeMessage([]byte(bytes), wire.MaxList)
		if err != nil || n == 0 {
			return texts
		}
		texts = append(texts, string(text))
		bytes = bytes[n:]
	}
}

// proposed returns the names that an initiator proposes, as the outcome has them.
func (v *conversation) proposed() (names []string) {
	for _, text := range messagesOf(v.wanted()) {
		if text != wire.Header && text != wire.LS {
			names = append(names, text)
		}
	}
	return names
}

func (v *conversation) has(words ...string) bool {
	return slices.ContainsFunc(v.actions, func(a action) bool { return slices.Contains(words, a.word) })
}

// noCase is a conversation for tests that are the peer themselves.
func noCase(role multiselect.Role) *conversation {
	return &conversation{
		Case: &conform.Case{ID: "none", Role: role, Mode: "select"}, proposals: []string{nameA, nameB},
	}
}
