package conform_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/multiselect/multiselect/conform"
	"github.com/multiselect/multiselect/wire"
)

type initiatorMutant struct {
	name, rule string
	caught     string // the case that has to catch it; others are in testdata/mutants.txt
	change     func(m *initiatorModel)
}

// taking changes what answers are taken for.
func taking(what decision, is func(answer, proposed string) bool) func(*initiatorModel) {
	return func(m *initiatorModel) {
		right := m.judge
		m.judge = func(answer, proposed string) decision {
			if is(answer, proposed) {
				return what
			}
			return right(answer, proposed)
		}
	}
}

// comparing changes both an answer and the proposal before it compares them.
func comparing(clean func(string) string) func(*initiatorModel) {
	return taking(agrees, func(answer, proposed string) bool { return clean(answer) == clean(proposed) })
}

// refusal takes an answer for na if it is na after a change.
func refusal(clean func(string) string) func(*initiatorModel) {
	return taking(refuses, func(answer, _ string) bool { return clean(answer) == "na" })
}

func headers(is func(text string) bool) func(*initiatorModel) {
	return func(m *initiatorModel) {
		m.patient = true
		right := m.version
		m.version = func(text string) bool { return right(text) || is(text) }
	}
}

// allowing lets names pass that cannot be proposed.
func allowing(is func(name string) bool) func(*initiatorModel) {
	return func(m *initiatorModel) {
		right := m.check
		m.check = func(names []string) error {
			rest := slices.DeleteFunc(slices.Clone(names), is)
			if len(names) > 0 && len(rest) == 0 {
				return nil
			}
			return right(rest)
		}
	}
}

func allowingName(name string) func(*initiatorModel) {
	return allowing(func(s string) bool { return s == name })
}

// refusingTo does not propose a name that can be.
func refusingTo(is func(name string) bool) func(*initiatorModel) {
	return func(m *initiatorModel) {
		m.check = func(names []string) error {
			if slices.ContainsFunc(names, is) {
				return errors.New("a name that it does not like")
			}
			return rightInitiator().check(names)
		}
	}
}

var initiatorMutants = []initiatorMutant{
	{"header and proposal in two writes", "R1", "R1-first-flight", func(m *initiatorModel) { m.apart = true }},
	{"waits for the header", "R1", "R11-held", func(m *initiatorModel) { m.waits = true }},
	{"sends nothing before it has the header", "R11", "R11-speaks", func(m *initiatorModel) { m.silent = true }},

	{"any version 1", "R2", "R2-version-1.1.0", headers(func(s string) bool { return strings.HasPrefix(s, "/multistream/1.1") })},
	{"version 2", "R2", "R2-version-2.0.0", headers(func(s string) bool { return s == "/multistream/2.0.0" })},
	{"version of two numbers", "R2", "R2-version-short", headers(func(s string) bool { return s == "/multistream/1.0" })},
	{"header in any case", "R2", "R2-upper", headers(func(s string) bool { return strings.EqualFold(s, wire.Header) })},
	{"header trimmed of spaces", "R2", "R2-space", headers(func(s string) bool { return strings.Trim(s, " ") == wire.Header })},
	{"header trimmed of newlines", "R2", "R2-newline", headers(func(s string) bool { return strings.Trim(s, "\n") == wire.Header })},
	{"empty header", "R2", "R2-empty", func(m *initiatorModel) {
		m.patient = true
		m.version = func(s string) bool { return s == wire.Header || s == "" }
		taking(ignores, func(a, _ string) bool { return a == wire.Header })(m)
	}},
	{"no header needed", "R2", "R2-none", func(m *initiatorModel) { m.optional = true }},
	{"no header needed in front of na", "R2", "R2-none-na", func(m *initiatorModel) {
		m.patient = true
		m.version = func(s string) bool { return s == wire.Header || s == "na" }
	}},
	{"na in front of the header is passed over", "R2", "R2-na-header", func(m *initiatorModel) {
		m.patient = true
		m.version = func(s string) bool { return s == wire.Header || s == "na" }
		taking(ignores, func(a, _ string) bool { return a == wire.Header })(m)
	}},
	{"a list is a header", "R2", "R2-list", headers(func(s string) bool { return strings.HasPrefix(s, string(rune(len("/conform/1.0.0")+1))) })},
	{"any first message is the header", "R3", "R3-tls", func(m *initiatorModel) {
		m.patient = true
		m.version = func(string) bool { return true }
		m.newline = true
	}},
	{"waits for a whole first message", "R3", "R3-first-byte", func(m *initiatorModel) { m.patient = true }},
	{"header of a wrong version", "R2", "R1-first-flight", func(m *initiatorModel) { m.greeting = message("/multistream/1.1.0") }},
	{"no header said", "R2", "R11-speaks", func(m *initiatorModel) { m.greeting = "" }},
	{"two headers", "R4", "R11-speaks", func(m *initiatorModel) { m.greeting = wire.HeaderFrame + wire.HeaderFrame }},
	{"a header in front of each proposal", "R4", "R10-second", func(m *initiatorModel) { m.again = wire.HeaderFrame }},

	{"no newline needed", "R5", "R5-no-newline", func(m *initiatorModel) { m.newline = true }},
	{"another newline", "R5", "R5-other-newline", func(m *initiatorModel) {
		m.newline = true
		refusal(func(s string) string { return strings.TrimRight(s, "\x00") })(m)
	}},
	{"what the stream ends in is a message", "R5", "R25-end-newline", func(m *initiatorModel) { m.atEnd = true }},
	{"padded lengths accepted", "R6", "R6-padded", func(m *initiatorModel) { m.padded, m.prefix = true, 9 }},
	{"one byte of length", "R7", "R7-two-bytes", func(m *initiatorModel) { m.prefix = 1 }},
	{"limit of 126", "R7", "R7-127", func(m *initiatorModel) { m.limit = 126 }},
	{"limit of 125", "R7", "R7-126", func(m *initiatorModel) { m.limit = 125 }},
	{"no limit", "R7", "R7-huge", func(m *initiatorModel) { m.prefix, m.limit = 10, math.MaxInt }},
	{"no end of a length", "R7", "R7-endless", func(m *initiatorModel) { m.endless = true }},
	{"zero is an empty message", "R8", "R8-zero", func(m *initiatorModel) {
		m.zero = true
		taking(refuses, func(a, _ string) bool { return a == "" })(m)
	}},
	{"zero is skipped", "R8", "R8-zero-echo", func(m *initiatorModel) {
		m.zero = true
		taking(ignores, func(a, _ string) bool { return a == "" })(m)
	}},

	{"an empty list of names is proposed", "R9", "R9-none", func(m *initiatorModel) {
		right := m.check
		m.check = func(names []string) error {
			if len(names) == 0 {
				return nil
			}
			return right(names)
		}
		m.reports = func(err error) error {
			if errors.Is(err, conform.ErrRefused) {
				return nil
			}
			return err
		}
	}},
	{"the empty name is proposed", "R9", "R9-empty", allowingName("")},
	{"na is proposed", "R9", "R9-na", allowingName("na")},
	{"ls is proposed", "R9", "R9-ls", allowingName("ls")},
	{"the header is proposed", "R9", "R9-header", allowingName(wire.Header)},
	{"a newline is proposed", "R9", "R9-newline", allowing(func(s string) bool { return strings.Contains(s, "\n") })},
	{"long names are proposed", "R9", "R9-long", allowing(func(s string) bool { return len(s) > 1023 })},
	{"the first name alone is checked", "R9", "R9-second", func(m *initiatorModel) {
		right := m.check
		m.check = func(names []string) error { return right(names[:min(len(names), 1)]) }
	}},

	{"gives up after na", "R10", "R10-second", func(m *initiatorModel) { m.most = 1 }},
	{"slash needed", "R10", "R10-no-slash", refusingTo(func(s string) bool { return !strings.HasPrefix(s, "/") })},
	{"ASCII only", "R10", "R10-utf8", refusingTo(func(s string) bool { return strings.ContainsFunc(s, func(r rune) bool { return r > 127 }) })},
	{"no spaces in names", "R13", "R13-blank", refusingTo(func(s string) bool { return strings.Contains(s, " ") })},
	{"a length is taken for a newline", "R10", "R10-nine", refusingTo(func(s string) bool { return len(s) == 9 })},
	{"names are sorted", "R13", "R13-order", func(m *initiatorModel) { m.order = slices.Sort[[]string] }},
	{"twenty proposals", "R27", "R27-thirty", func(m *initiatorModel) { m.most = 20 }},

	{"what is not the echo is a refusal", "R14", "R14-other", taking(refuses, func(a, p string) bool { return a != p })},
	{"what is not na is the echo", "R14", "R14-other", taking(agrees, func(a, _ string) bool { return a != "na" })},
	{"what is no answer is passed over", "R14", "R14-other", taking(ignores, func(a, p string) bool { return a != p && a != "na" })},
	{"any of its names is an echo", "R14", "R14-second", taking(agrees, func(a, _ string) bool { return a == "/conform/2.0.0" })},
	{"a repeated header is passed over", "R14", "R14-header-echo", taking(ignores, func(a, _ string) bool { return a == wire.Header })},
	{"a repeated header is a refusal", "R14", "R14-header", taking(refuses, func(a, _ string) bool { return a == wire.Header })},
	{"na in any case", "R14", "R14-upper-na", refusal(strings.ToLower)},
	{"na trimmed of spaces", "R14", "R14-na-space", refusal(func(s string) string { return strings.Trim(s, " ") })},
	{"na trimmed of newlines", "R14", "R14-na-newline", refusal(func(s string) string { return strings.Trim(s, "\n") })},
	{"na trimmed of returns", "R14", "R14-na-return", refusal(func(s string) string { return strings.Trim(s, "\r") })},
	{"words for na", "R14", "R14-not-found", taking(refuses, func(a, _ string) bool { return strings.HasPrefix(a, "not ") })},
	{"na by its first letter", "R14", "R14-n", taking(refuses, func(a, _ string) bool { return a == "n" })},
	{"an empty answer is a refusal", "R14", "R14-empty", taking(refuses, func(a, _ string) bool { return a == "" })},
	{"ls is a refusal", "R14", "R14-ls", taking(refuses, func(a, _ string) bool { return a == "ls" })},
	{"a list is a refusal", "R14", "R14-list", taking(refuses, func(a, _ string) bool { return strings.HasSuffix(a, "\n") && strings.Contains(a, "\x0f") })},
	{"echo trimmed of spaces", "R13", "R14-space", comparing(func(s string) string { return strings.Trim(s, " ") })},
	{"echo trimmed of newlines", "R13", "R14-newline", comparing(func(s string) string { return strings.Trim(s, "\n") })},
	{"echo trimmed of returns", "R13", "R14-return", comparing(func(s string) string { return strings.Trim(s, "\r") })},
	{"echo cut at NUL", "R13", "R14-nul", comparing(func(s string) string { s, _, _ = strings.Cut(s, "\x00"); return s })},
	{"echo in any case", "R13", "R14-upper", comparing(strings.ToLower)},
	{"echo without its last slash", "R13", "R14-slash", comparing(func(s string) string { return strings.TrimRight(s, "/") })},
	{"echo that goes on", "R13", "R14-longer", taking(agrees, func(a, p string) bool { return strings.HasPrefix(a, p) })},
	{"echo that breaks off", "R13", "R14-shorter", taking(agrees, func(a, p string) bool { return len(a) > 3 && strings.HasPrefix(p, a) })},
	{"long answers are refusals", "R7", "R7-1025", func(m *initiatorModel) {
		m.limit = 4096
		taking(refuses, func(a, _ string) bool { return len(a) > 1023 })(m)
	}},
	{"answers in advance", "R14", "R14-early", func(*initiatorModel) {}},

	{"what came with the echo is lost", "R12", "R12-glued", func(m *initiatorModel) {
		m.payload = func(r *bufio.Reader) io.Reader { r.Discard(r.Buffered()); return r }
	}},
	{"payload is read to its first kilobyte", "R12", "R12-64k", func(m *initiatorModel) {
		m.payload = func(r *bufio.Reader) io.Reader { return io.LimitReader(r, 1024) }
	}},
	{"a header after the agreement is dropped", "R12", "R12-looks-alike", func(m *initiatorModel) {
		m.payload = func(r *bufio.Reader) io.Reader {
			if b, _ := r.Peek(min(r.Buffered(), 20)); string(b) == wire.HeaderFrame {
				r.Discard(20)
			}
			return r
		}
	}},
	{"zeros in front of payload are skipped", "R12", "R12-zero", func(m *initiatorModel) {
		m.payload = func(r *bufio.Reader) io.Reader {
			if b, _ := r.Peek(1); bytes.Equal(b, []byte("\x00")) {
				r.Discard(1)
			}
			return r
		}
	}},
	{"the protocol never ends", "R12", "R12-end", func(m *initiatorModel) {
		m.payload = func(r *bufio.Reader) io.Reader { return io.MultiReader(r, forever{}) }
	}},

	{"a refusal is a failure", "R25", "R25-refused", func(m *initiatorModel) {
		m.reports = func(err error) error {
			if errors.Is(err, conform.ErrRefused) {
				return errors.New("it failed")
			}
			return err
		}
	}},
	{"a failure is a refusal", "R25", "R25-end", func(m *initiatorModel) {
		m.reports = func(err error) error {
			if err != nil {
				return fmt.Errorf("%w: %w", conform.ErrRefused, err)
			}
			return nil
		}
	}},
	{"a failure is none", "R25", "R25-reset", func(m *initiatorModel) { m.reports = func(error) error { return nil } }},
	{"failed streams stay open", "R25", "R25-refused", func(m *initiatorModel) { m.leave = func(*memory) {} }},
	{"cancelling does nothing", "R25", "R25-cancel", func(m *initiatorModel) { m.deaf = true }},
	{"it never gives up", "R24", "R24-silence", func(m *initiatorModel) { m.patience = time.Hour }},

	{"nine bytes are no name of a list", "R20", "R20-nine-last", listsAs(func(text string) ([]string, decision) {
		names, d := rightInitiator().list(text)
		return slices.DeleteFunc(names, func(s string) bool { return len(s) == 9 }), d
	})},
	{"lists by lines", "R20", "R20-list", listsAs(func(text string) ([]string, decision) {
		if text == "na" {
			return nil, agrees
		}
		return strings.Split(strings.Trim(text, "\n"), "\n"), agrees
	})},
	{"the first name of a list alone", "R20", "R20-list", listsAs(func(text string) ([]string, decision) {
		names, d := rightInitiator().list(text)
		return names[:min(len(names), 1)], d
	})},
	{"one name is no list", "R20", "R20-one", listsAs(func(text string) ([]string, decision) {
		names, d := rightInitiator().list(text)
		if len(names) == 1 {
			return nil, d
		}
		return names, d
	})},
	{"an empty list is a failure", "R20", "R20-empty", listsAs(func(text string) ([]string, decision) {
		if text == "" {
			return nil, violates
		}
		return rightInitiator().list(text)
	})},
	{"lists are as long as names", "R21", "R20-long", func(m *initiatorModel) { m.limit = 1025 }},
	{"depends on ls", "R22", "R22-na", listsAs(func(text string) ([]string, decision) {
		if text == "na" {
			return nil, violates
		}
		return rightInitiator().list(text)
	})},
	{"a header is a list", "R14", "R14-ls-header", listsAs(func(text string) ([]string, decision) {
		if text == wire.Header {
			return nil, agrees
		}
		return rightInitiator().list(text)
	})},
	{"ls is a list", "R14", "R14-ls-echo", listsAs(func(text string) ([]string, decision) {
		if text == "ls" {
			return nil, agrees
		}
		return rightInitiator().list(text)
	})},

	{"lazy streams do not hear the answer", "R30", "R30-refused", func(m *initiatorModel) { m.early = true }},
	{"ending a direction ends a lazy stream", "R31", "R31-half", func(m *initiatorModel) {
		m.hangUp = func(stream *memory) { stream.Close() }
	}},
	{"lazy streams go on when refused", "R30", "R30-refused", func(m *initiatorModel) { m.goesOn = true }},
}

func listsAs(list func(text string) ([]string, decision)) func(*initiatorModel) {
	return func(m *initiatorModel) { m.list = list }
}

func testInitiator(t *testing.T, change func(*initiatorModel)) (ids []string) {
	synctest.Test(t, func(t *testing.T) {
		open := func() (a, b io.ReadWriteCloser, err error) {
			x, y := newMemory()
			return x, y, nil
		}
		m := rightInitiator()
		change(m)
		report, err := conform.RunInitiator(t.Context(), conform.PipeInitiator(open, m.initiate), fake)
		ids = caughtBy(t, report, err)
		time.Sleep(24 * time.Hour) // until the last one has given up
	})
	return ids
}

// The model does not look at bytes after a refusal before it has asked again.
var usualInitiator = []string{"R14-early"}

func TestInitiatorMutants(t *testing.T) {
	skipUnderRace(t)
	golden := readGolden(t)
	if ids := testInitiator(t, func(*initiatorModel) {}); !slices.Equal(ids, usualInitiator) {
		t.Fatalf("the right initiator is caught by %q, want %q", ids, usualInitiator)
	}
	for _, m := range initiatorMutants {
		t.Run(m.name, func(t *testing.T) {
			golden.check(t, "initiator: "+m.name, m.caught, testInitiator(t, m.change), usualInitiator)
		})
	}
	golden.write(t)
}
