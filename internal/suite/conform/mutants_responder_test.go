package conform_test

import (
	"bufio"
	"bytes"
	"io"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/multiselect/multiselect/wire"
)

// mutant breaks one rule.
type responderMutant struct {
	name, rule string
	caught     string // the case that has to catch it; others are in testdata/mutants.txt
	change     func(m *responderModel)
}

// answering changes the answers to the texts for which it returns true.
func answering(change func(text string) (answer string, agreed, ends, mine bool)) func(*responderModel) {
	return func(m *responderModel) {
		right := m.answer
		m.answer = func(text string) (string, bool, bool) {
			if answer, agreed, ends, mine := change(text); mine {
				return answer, agreed, ends
			}
			return right(text)
		}
	}
}

// selecting serves the texts for which it returns a name, and echoes that.
func selecting(name func(text string) string) func(*responderModel) {
	return answering(func(text string) (string, bool, bool, bool) {
		n := name(text)
		mine := text != "ls" && slices.Contains(served, n)
		return message(n), true, false, mine
	})
}

// silentAt does not answer some unknown names.
func silentAt(is func(text string) bool) func(*responderModel) {
	return answering(func(text string) (string, bool, bool, bool) { return "", false, false, is(text) })
}

// abortAt ends the stream at some names.
func abortAt(is func(text string) bool) func(*responderModel) {
	return answering(func(text string) (string, bool, bool, bool) { return "", false, true, is(text) })
}

func unserved(text string) bool { return text != "ls" && !slices.Contains(served, text) }

// refusing answers something else than na.
func refusing(answer string) func(*responderModel) {
	return answering(func(text string) (string, bool, bool, bool) { return answer, false, false, unserved(text) })
}

// listing answers ls in another form.
func listing(list func() string) func(*responderModel) {
	return answering(func(text string) (string, bool, bool, bool) { return list(), false, false, text == "ls" })
}

func versions(is func(text string) bool) func(*responderModel) {
	return func(m *responderModel) {
		m.patient = true
		right := m.version
		m.version = func(text string) bool { return right(text) || is(text) }
	}
}

func cleaning(clean func(text string) string) func(*responderModel) {
	return func(m *responderModel) { m.clean = clean }
}

var responderMutants = []responderMutant{
	{"header and answer in two writes", "R1", "R1-echo", func(m *responderModel) { m.apart = true }},
	{"eager header", "R1", "R1-echo", func(m *responderModel) { m.eager = true }},

	{"no header needed", "R2", "R2-none", func(m *responderModel) { m.optional = true }},
	{"any version 1", "R2", "R2-version-1.1.0", versions(func(s string) bool { return strings.HasPrefix(s, "/multistream/1.") })},
	{"any version", "R2", "R2-version-2.0.0", versions(func(s string) bool { return strings.HasPrefix(s, "/multistream/") })},
	{"the old header", "R2", "R2-old-select", versions(func(s string) bool { return strings.HasPrefix(s, "/multistream-select/") })},
	{"header in any case", "R2", "R2-upper", versions(func(s string) bool { return strings.EqualFold(s, wire.Header) })},
	{"header without its slash", "R2", "R2-no-slash", versions(func(s string) bool { return "/"+s == wire.Header })},
	{"header trimmed", "R2", "R2-space-behind", versions(func(s string) bool { return strings.TrimSpace(s) == wire.Header })},
	{"header cut at NUL", "R2", "R2-nul", versions(func(s string) bool { return strings.HasPrefix(s, wire.Header+"\x00") })},
	{"empty header", "R2", "R2-empty", versions(func(s string) bool { return s == "" })},
	{"header without a length", "R2", "R2-text", func(m *responderModel) { m.lines = true }},
	{"ls without a header", "R2", "R2-ls-first", versions(func(s string) bool { return s == "ls" })},
	{"na as a header", "R2", "R2-na-first", versions(func(s string) bool { return s == "na" })},
	{"header of a wrong version", "R2", "R2-agreement", func(m *responderModel) { m.greeting = message("/multistream/1.1.0") }},
	{"answers before it is asked", "R2", "R2-silence", func(m *responderModel) { m.eager, m.greeting = true, wire.HeaderFrame+na }},
	{"no header said", "R2", "R2-agreement", func(m *responderModel) { m.greeting = "" }},
	{"na to strangers", "R2", "R2-none-unknown", func(m *responderModel) {
		m.optional = true
		m.answer = func(text string) (string, bool, bool) {
			if text == wire.Header {
				return "", false, false
			}
			return rightAnswer(text)
		}
	}},
	{"strangers are told why", "R3", "R3-tls", func(m *responderModel) { m.farewell = "go away\n" }},
	{"strangers are told na", "R3", "R2-version-2.0.0", func(m *responderModel) { m.farewell = na }},
	{"waits for a whole first message", "R3", "R3-first-byte", func(m *responderModel) { m.patient = true }},

	{"two headers", "R4", "R4-once", func(m *responderModel) { m.greeting = wire.HeaderFrame + wire.HeaderFrame }},
	{"header eager and on receipt", "R4", "R2-agreement", func(m *responderModel) {
		m.eager = true
		m.answer = func(text string) (string, bool, bool) {
			a, b, c := rightAnswer(text)
			return wire.HeaderFrame + a, b, c
		}
	}},
	{"answers the header each time", "R4", "R4-repeated", answering(func(s string) (string, bool, bool, bool) {
		return wire.HeaderFrame, false, false, s == wire.Header
	})},
	{"header in front of each answer", "R4", "R4-once", func(m *responderModel) {
		right := m.answer
		first := true
		m.answer = func(text string) (string, bool, bool) {
			a, b, c := right(text)
			if first {
				first = false
				return a, b, c
			}
			return wire.HeaderFrame + a, b, c
		}
	}},
	{"a repeated header starts again in silence", "R4", "R4-repeated-later", func(m *responderModel) {
		m.answer = func(text string) (string, bool, bool) {
			if text == wire.Header {
				return wire.HeaderFrame + na, false, false
			}
			return rightAnswer(text)
		}
	}},

	{"no newline needed", "R5", "R5-no-newline-known", func(m *responderModel) { m.newline = true }},
	{"newline not counted", "R5", "R5-late-newline", func(m *responderModel) { m.uncounted = true }},
	{"what the stream ends in is a message", "R5", "R25-newline-cut", func(m *responderModel) { m.atEnd = true }},
	{"na without newline", "R5", "R10-unknown", refusing("\x02na")},
	{"echo without newline", "R5", "R2-agreement", answering(func(s string) (string, bool, bool, bool) {
		return message(s)[:len(message(s))-1], true, false, !unserved(s) && s != "ls"
	})},
	{"padded lengths accepted", "R6", "R6-padded-known", func(m *responderModel) { m.padded, m.prefix = true, 9 }},
	{"padded lengths said", "R6", "R10-unknown", refusing("\x83\x00na\n")},
	{"one byte of length", "R7", "R7-128", func(m *responderModel) { m.prefix = 1 }},
	{"limit of 127", "R7", "R7-128", func(m *responderModel) { m.limit = 127 }},
	{"limit of 126", "R7", "R7-127", func(m *responderModel) { m.limit = 126 }},
	{"limit of 255", "R7", "R7-256", func(m *responderModel) { m.limit = 255 }},
	{"limit of 512", "R7", "R7-513", func(m *responderModel) { m.limit = 512 }},
	{"limit of 1023", "R7", "R7-1024", func(m *responderModel) { m.limit = 1023 }},
	{"no end of a length", "R7", "R7-endless", func(m *responderModel) { m.endless = true }},
	{"ten bytes of length", "R7", "R7-ten-bytes", func(m *responderModel) { m.prefix, m.limit = 10, math.MaxInt }},
	{"no limit", "R7", "R7-gigabyte", func(m *responderModel) { m.prefix, m.limit = 5, math.MaxInt }},
	{"zero is an empty message", "R8", "R8-zero", func(m *responderModel) { m.zero = true }},
	{"zero is skipped", "R8", "R8-zero", func(m *responderModel) {
		m.zero = true
		silentAt(func(s string) bool { return s == "" })(m)
	}},

	{"silence instead of na", "R10", "R10-unknown", silentAt(unserved)},
	{"end instead of na", "R10", "R10-unknown", abortAt(unserved)},
	{"NA in upper case", "R10", "R10-unknown", refusing("\x03NA\n")},
	{"na twice", "R10", "R10-unknown", refusing(na + na)},
	{"the refused name echoed", "R10", "R10-unknown", func(m *responderModel) {
		answering(func(s string) (string, bool, bool, bool) { return message(s), false, false, unserved(s) })(m)
	}},
	{"end at names without a slash", "R10", "R10-no-slash", abortAt(func(s string) bool { return s != "ls" && !strings.HasPrefix(s, "/") })},
	{"silence at names without a version", "R10", "R10-two-numbers", silentAt(func(s string) bool {
		return unserved(s) && strings.Count(s[strings.LastIndex(s, "/")+1:], ".") != 2 && strings.Contains(s, ".")
	})},
	{"end at names that are no version", "R10", "R10-candidate", abortAt(func(s string) bool { return strings.Contains(s, "-rc") })},
	{"end at a v", "R10", "R10-v", abortAt(func(s string) bool { return strings.Contains(s, "/v") })},
	{"a star is every name", "R10", "R10-wild", abortAt(func(s string) bool { return strings.Contains(s, "*") })},
	{"silence at the empty name", "R10", "R10-empty", silentAt(func(s string) bool { return s == "" })},
	{"na twice at the empty name", "R10", "R10-empty", answering(func(s string) (string, bool, bool, bool) { return na + na, false, false, s == "" })},
	{"end at a slash", "R10", "R10-slash", abortAt(func(s string) bool { return s == "/" })},
	{"end at short names", "R10", "R10-short", abortAt(func(s string) bool { return s == "/a" })},
	{"end at a space", "R10", "R10-space", abortAt(func(s string) bool { return unserved(s) && strings.Contains(s, " ") })},
	{"end beyond ASCII", "R10", "R10-utf8", abortAt(func(s string) bool { return utf8.ValidString(s) && utf8.RuneCountInString(s) != len(s) })},
	{"silence at what is not UTF-8", "R10", "R10-not-utf8", silentAt(func(s string) bool { return !utf8.ValidString(s) })},
	{"na for each line", "R10", "R10-newline", answering(func(s string) (string, bool, bool, bool) {
		return strings.Repeat(na, strings.Count(s, "\n")+1), false, false, strings.Contains(s, "\n")
	})},
	{"end at NUL", "R10", "R10-nul", abortAt(func(s string) bool { return strings.Contains(s, "\x00") })},
	{"na is taken for the end", "R10", "R10-na", abortAt(func(s string) bool { return s == "na" || s == "NA" })},
	{"end at other headers", "R10", "R10-other-version", abortAt(func(s string) bool { return s == "/multistream/1.1.0" })},
	{"simultaneous open", "R10", "R10-simultaneous", answering(func(s string) (string, bool, bool, bool) {
		return message(s), false, false, strings.HasPrefix(s, "/libp2p/sim")
	})},
	{"a nested message is opened", "R10", "R10-nested", abortAt(func(s string) bool { return strings.HasPrefix(s, "\x06") })},
	{"a name is refused once", "R10", "R10-twice", func(m *responderModel) {
		seen := false
		answering(func(s string) (string, bool, bool, bool) {
			again := seen && unserved(s)
			seen = seen || unserved(s)
			return "", false, false, again
		})(m)
	}},
	{"one proposal", "R10", "R10-pipelined", answering(func(s string) (string, bool, bool, bool) { return na, false, true, unserved(s) })},
	{"the answers of one flight are one", "R10", "R10-order", func(m *responderModel) {
		queued := 0
		m.answer = func(text string) (string, bool, bool) {
			a, b, c := rightAnswer(text)
			if a == na {
				if queued++; queued > 5 {
					return "", false, false
				}
			}
			return a, b, c
		}
	}},

	{"names trimmed", "R13", "R13-space-behind", cleaning(func(s string) string {
		if s == "" || unserved(strings.TrimSpace(s)) {
			return s
		}
		return strings.TrimSpace(s)
	})},
	{"names in any case", "R13", "R13-upper", selecting(strings.ToLower)},
	{"names cut at NUL", "R13", "R13-nul", selecting(func(s string) string { s, _, _ = strings.Cut(s, "\x00"); return s })},
	{"names with slashes cut", "R13", "R13-slash-behind", selecting(func(s string) string { return strings.TrimRight(s, "/") })},
	{"names with slashes merged", "R13", "R13-slash-before", selecting(func(s string) string { return strings.ReplaceAll(s, "//", "/") })},
	{"names by prefix", "R13", "R13-longer", selecting(func(s string) string {
		for _, name := range served {
			if strings.HasPrefix(s, name) {
				return name
			}
		}
		return s
	})},
	{"names by their beginning", "R13", "R13-shorter", selecting(func(s string) string {
		for _, name := range served {
			if len(s) > 8 && strings.HasPrefix(name, s) {
				return name
			}
		}
		return s
	})},
	{"each line a proposal", "R13", "R13-lines", selecting(func(s string) string { return s[strings.LastIndexByte(s, '\n')+1:] })},
	{"the first line is the proposal", "R13", "R13-lines-first", selecting(func(s string) string { s, _, _ = strings.Cut(s, "\n"); return s })},
	{"nested proposals", "R13", "R13-nested", selecting(func(s string) string {
		text, n, err := wire.ConsumeMessage([]byte(s), 1024)
		if err != nil || n == 0 {
			return s
		}
		return string(text)
	})},
	{"another echo", "R13", "R2-agreement", answering(func(s string) (string, bool, bool, bool) {
		return message(s + " "), true, false, s != "ls" && !unserved(s)
	})},
	{"one protocol", "R13", "R13-second", answering(func(s string) (string, bool, bool, bool) { return na, false, false, s != "ls" && s == served[1] })},
	{"no names without a slash", "R13", "R13-no-slash", answering(func(s string) (string, bool, bool, bool) { return na, false, false, s == served[2] })},
	{"a length is taken for a newline", "R13", "R13-nine", abortAt(func(s string) bool { return s == nine })},
	{"no long names", "R7", "R7-two-bytes", abortAt(func(s string) bool { return s == long })},

	{"the header waits for the answer", "R11", "R11-header-alone", func(m *responderModel) { m.hold = true }},
	{"what came with the proposal is lost", "R12", "R12-glued", func(m *responderModel) {
		m.payload = func(r *bufio.Reader) io.Reader { r.Discard(r.Buffered()); return r }
	}},
	{"payload is read to its first kilobyte", "R12", "R12-2k", func(m *responderModel) {
		m.payload = func(r *bufio.Reader) io.Reader { return io.LimitReader(r, 1024) }
	}},
	{"payload is read to its 32nd kilobyte", "R12", "R12-64k", func(m *responderModel) {
		m.payload = func(r *bufio.Reader) io.Reader { return io.LimitReader(r, 32<<10) }
	}},
	{"newlines in front of payload are skipped", "R12", "R12-newline", func(m *responderModel) {
		m.payload = func(r *bufio.Reader) io.Reader {
			for b, _ := r.Peek(1); bytes.Equal(b, []byte("\n")); b, _ = r.Peek(1) {
				r.Discard(1)
			}
			return r
		}
	}},
	{"zeros in front of payload are skipped", "R12", "R12-zero", func(m *responderModel) {
		m.payload = func(r *bufio.Reader) io.Reader {
			if b, _ := r.Peek(1); bytes.Equal(b, []byte("\x00")) {
				r.Discard(1)
			}
			return r
		}
	}},
	{"a header after the agreement is dropped", "R12", "R12-looks-alike", func(m *responderModel) {
		m.payload = func(r *bufio.Reader) io.Reader {
			if b, _ := r.Peek(min(r.Buffered(), len(wire.HeaderFrame))); string(b) == wire.HeaderFrame {
				r.Discard(len(b))
			}
			return r
		}
	}},
	{"the protocol never ends", "R12", "R12-half-close", func(m *responderModel) {
		m.payload = func(r *bufio.Reader) io.Reader { return io.MultiReader(r, forever{}) }
	}},

	{"end at ls", "R19", "R19-ls", abortAt(func(s string) bool { return s == "ls" })},
	{"silence at ls", "R19", "R19-ls", silentAt(func(s string) bool { return s == "ls" })},
	{"LS is ls", "R19", "R19-upper", answering(func(s string) (string, bool, bool, bool) {
		a, _, _ := rightAnswer("ls")
		return a, false, false, s == "LS"
	})},
	{"ls is trimmed", "R19", "R19-space", answering(func(s string) (string, bool, bool, bool) {
		a, _, _ := rightAnswer("ls")
		return a, false, false, s == "ls "
	})},
	{"end after a list", "R19", "R19-then-proposal", answering(func(s string) (string, bool, bool, bool) {
		a, _, _ := rightAnswer("ls")
		return a, false, true, s == "ls"
	})},
	{"joined list", "R20", "R20-format", listing(func() string { return message(strings.Join(served, "\n")) })},
	{"counted list", "R20", "R20-format", listing(func() string {
		b := []byte{byte(len(served))}
		for _, name := range served {
			b = wire.AppendMessage(b, name)
		}
		return message(string(b[:len(b)-1]))
	})},
	{"list without the last newline", "R20", "R20-format", listing(func() string {
		var b []byte
		for _, name := range served {
			b = wire.AppendMessage(b, name)
		}
		return message(string(b[:len(b)-1]))
	})},
	{"names one by one", "R20", "R20-format", listing(func() string {
		var b []byte
		for _, name := range served {
			b = wire.AppendMessage(b, name)
		}
		return string(b)
	})},
	{"half a list", "R20", "R20-format", listing(func() string { return string(wire.AppendList(nil, served[:2])) })},
	{"one list", "R20", "R20-twice", func(m *responderModel) {
		listed := false
		answering(func(s string) (string, bool, bool, bool) {
			again := listed && s == "ls"
			listed = listed || s == "ls"
			return "", false, false, again
		})(m)
	}},
	{"a list that is lost after a refusal", "R20", "R20-after-na", func(m *responderModel) {
		refused := false
		answering(func(s string) (string, bool, bool, bool) {
			refused = refused || unserved(s)
			return "", false, false, refused && s == "ls"
		})(m)
	}},
	{"silence at the eighth list", "R23", "R23-many", func(m *responderModel) {
		n := 0
		answering(func(s string) (string, bool, bool, bool) {
			if s == "ls" {
				n++
			}
			return "", false, false, s == "ls" && n > 8
		})(m)
	}},

	{"no time limit", "R24", "R24-silence", func(m *responderModel) { m.timeout = time.Hour }},
	{"failed streams stay open", "R25", "R25-header", func(m *responderModel) { m.deaf = true }},
	{"na at the end of the stream", "R18", "R18-gave-up", func(m *responderModel) {
		m.leave = func(stream *memory) { io.WriteString(stream, na); stream.Close() }
	}},
	{"ten proposals", "R27", "R27-twenty", func(m *responderModel) { m.most = 10 }},
	{"fifty proposals", "R27", "R27-hundred", func(m *responderModel) { m.most = 50 }},
	{"five hundred proposals, and then silence", "R27", "R27-thousand", func(m *responderModel) {
		m.most = 500
		m.deaf = true
	}},
}

// forever sends nothing for a long time.
type forever struct{}

func (forever) Read([]byte) (int, error) {
	time.Sleep(time.Hour)
	return 0, io.EOF
}
