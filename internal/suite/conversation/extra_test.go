package conversation_test

import (
	"context"
	"io"
	"os"
	"reflect"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/wire"
)

// failure is the *Error that a call must return.
type failure struct {
	cause    error
	phase    multiselect.Phase
	blame    multiselect.Blame
	received string // the message that ended it, or the bytes up to the first that made it certain
}

// settings are the keys of a case that are not about failures.
type settings struct {
	names    []string                 // the list that an initiator gets
	dialect  wire.Dialect             // and how it was written
	proposed []string                 // the names that had been proposed when it failed, if the outcome has more
	uncut    string                   // why the tester's bytes must not be cut
	limits   multiselect.Limits       // in testdata only
	muxer    func(*multiselect.Muxer) // in testdata only
}

// causes are the words after "error".
var causes = map[string]error{
	"ErrNotSupported": multiselect.ErrNotSupported, "ErrNotMultistream": multiselect.ErrNotMultistream,
	"ErrUnexpectedAnswer": multiselect.ErrUnexpectedAnswer, "ErrMalformed": multiselect.ErrMalformed,
	"ErrTooLarge": multiselect.ErrTooLarge, "ErrLimit": multiselect.ErrLimit, "ErrGaveUp": multiselect.ErrGaveUp,
	"ErrInvalidName": multiselect.ErrInvalidName, "ErrNoProtocols": multiselect.ErrNoProtocols,
	"io.EOF": io.EOF, "io.ErrUnexpectedEOF": io.ErrUnexpectedEOF, "syscall.ECONNRESET": syscall.ECONNRESET,
	"os.ErrDeadlineExceeded": os.ErrDeadlineExceeded, "context.Canceled": context.Canceled,
}

// muxers are the words after "muxer".
var muxers = map[string]func(*multiselect.Muxer){
	"NoList": func(m *multiselect.Muxer) { m.NoList = true },
	"ListFilter": func(m *multiselect.Muxer) {
		m.ListFilter = func(protocol string) bool { return strings.HasPrefix(protocol, "/foo/") }
	},
	"NoNames": func(m *multiselect.Muxer) {
		for _, name := range m.Protocols() {
			m.RemoveHandler(name)
		}
	},
}

// readExtra reads the lines of a case that concern Go.
func (v *conversation) readExtra(t testing.TB) {
	t.Helper()
	for word, rest := range v.Extra {
		switch word {
		case "error", "phase", "blame", "received": // below
		case "names":
			v.extra.names = unquoteAll(t, rest)
		case "dialect":
			v.extra.dialect = named(t, rest, wire.DialectNested, wire.DialectJoined)
		case "proposed":
			v.extra.proposed = unquoteAll(t, rest)
		case "uncut":
			v.extra.uncut = rest
		case "limits":
			v.extra.limits = limits(t, rest)
		case "muxer":
			if v.extra.muxer = muxers[rest]; v.extra.muxer == nil {
				t.Fatalf("%s: no such muxer: %q", v.ID, rest)
			}
		default:
			t.Fatalf("%s: neither the format nor the tests know the word %q", v.ID, word)
		}
	}
	cause, fails := v.Extra["error"]
	if !fails {
		return
	}
	if causes[cause] == nil {
		t.Fatalf("%s: no such error: %q", v.ID, cause)
	}
	v.fails = &failure{
		cause: causes[cause],
		phase: named(t, v.Extra["phase"], multiselect.PhaseHeader, multiselect.PhaseProposal, multiselect.PhaseList),
		blame: named(t, v.Extra["blame"], multiselect.BlameNone, multiselect.BlamePeer, multiselect.BlameSlowPeer, multiselect.BlameLocal),
	}
	if received := v.Extra["received"]; received != "" {
		v.fails.received = parseLines(t, []string{received})[0].bytes()
	}
}

// named returns the value whose String is the name.
func named[T interface{ String() string }](t testing.TB, name string, values ...T) (found T) {
	t.Helper()
	for _, v := range values {
		if v.String() == name {
			return v
		}
	}
	t.Fatalf("%q is none of %v", name, values)
	return found
}

func unquoteAll(t testing.TB, text string) (all []string) {
	t.Helper()
	all = []string{}
	for text = strings.TrimSpace(text); text != ""; text = strings.TrimSpace(text) {
		quoted, err := strconv.QuotedPrefix(text)
		if err != nil {
			t.Fatalf("not quoted: %s", text)
		}
		s, _ := strconv.Unquote(quoted)
		all = append(all, expand(t, s))
		text = text[len(quoted):]
	}
	return all
}

// limits reads "MaxListNames=2 MaxBytes=1024".
func limits(t testing.TB, text string) (l multiselect.Limits) {
	t.Helper()
	for word := range strings.FieldsSeq(text) {
		name, value, _ := strings.Cut(word, "=")
		field := reflect.ValueOf(&l).Elem().FieldByName(name)
		if !field.IsValid() {
			t.Fatalf("no such limit: %q", name)
		}
		field.SetInt(int64(number(t, value)))
	}
	return l
}
