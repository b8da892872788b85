package wire_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/multiselect/multiselect/wire"
)

// A name of 46 bytes makes a message whose length byte is a slash; a slash and
// a name of 46 bytes make one of the 47-byte names that read both ways.
var (
	slash46 = "/" + strings.Repeat("x", 45)
	plain46 = strings.Repeat("y", 46)
	slash47 = "/" + plain46
)

var lists = []struct {
	why   string
	wire  string // the whole message
	names []string
	kind  wire.Dialect
}{
	// Nested: length, length name newline, …, newline.
	{
		"the form of the specification", "\x19\x0b/foo/1.0.0\n\x0b/bar/2.0.0\n\n",
		[]string{"/foo/1.0.0", "/bar/2.0.0"},
		wire.DialectNested,
	},
	{"one name", "\x0d\x0b/foo/1.0.0\n\n", []string{"/foo/1.0.0"}, wire.DialectNested},
	{"no names", "\x01\n", nil, wire.DialectNested},
	{"an empty name", "\x03\x01\n\n", []string{""}, wire.DialectNested},
	{
		"a length byte that looks like a newline, in front", "\x18\x0a/foo/bar1\n\x0b/bar/2.0.0\n\n",
		[]string{"/foo/bar1", "/bar/2.0.0"},
		wire.DialectNested,
	},
	{
		"a length byte that looks like a newline, at the end", "\x18\x0b/bar/2.0.0\n\x0a/foo/bar1\n\n",
		[]string{"/bar/2.0.0", "/foo/bar1"},
		wire.DialectNested,
	},
	{"a name with a newline in it", "\x07\x05/a\nb\n\n", []string{"/a\nb"}, wire.DialectNested},
	{"a name that is no UTF-8", "\x06\x04/\xff\xfe\n\n", []string{"/\xff\xfe"}, wire.DialectNested},
	{"the name na: only the text na is a refusal", "\x05\x03na\n\n", []string{"na"}, wire.DialectNested},
	{"the same name twice", "\x09\x03/a\n\x03/a\n\n", []string{"/a", "/a"}, wire.DialectNested},

	// Joined: length, name newline, …; py adds a newline.
	{"py", "\x17/foo/1.0.0\n/bar/2.0.0\n\n", []string{"/foo/1.0.0", "/bar/2.0.0"}, wire.DialectJoined},
	{"py, one name", "\x0c/foo/1.0.0\n\n", []string{"/foo/1.0.0"}, wire.DialectJoined},
	{"py, no names", "\x02\n\n", nil, wire.DialectJoined},
	{"nim", "\x16/foo/1.0.0\n/bar/2.0.0\n", []string{"/foo/1.0.0", "/bar/2.0.0"}, wire.DialectJoined},
	{"nim, one name", "\x0b/foo/1.0.0\n", []string{"/foo/1.0.0"}, wire.DialectJoined},
	{"joined, no slash", "\x09nope\nyes\n", []string{"nope", "yes"}, wire.DialectJoined},
	{"joined, no UTF-8", "\x07/\xff\xfe\n/a\n", []string{"/\xff\xfe", "/a"}, wire.DialectJoined},

	// Counted: length, count, length name newline, ….
	{
		"go before 2019", "\x19\x02\x0b/foo/1.0.0\n\x0b/bar/2.0.0\n",
		[]string{"/foo/1.0.0", "/bar/2.0.0"},
		wire.DialectCounted,
	},
	{"go before 2019, one name", "\x0d\x01\x0b/foo/1.0.0\n", []string{"/foo/1.0.0"}, wire.DialectCounted},
	{
		"counted, the last length byte looks like a newline", "\x18\x02\x0b/bar/2.0.0\n\x0a/foo/bar1\n",
		[]string{"/bar/2.0.0", "/foo/bar1"},
		wire.DialectCounted,
	},

	// Texts that are right in two dialects.
	{
		"joined names of 47 bytes", "\x61" + slash47 + "\n" + slash47 + "\n\n",
		[]string{slash47, slash47},
		wire.DialectJoined,
	},
	{
		"nim's lack the newline that makes them ambiguous", "\x60" + slash47 + "\n" + slash47 + "\n",
		[]string{slash47, slash47},
		wire.DialectJoined,
	},
	{
		"nested names of 46 bytes", "\x61\x2f" + slash46 + "\n\x2f" + slash46 + "\n\n",
		[]string{slash46, slash46},
		wire.DialectNested,
	},
	{
		"one slash among the nested names is enough", "\x61\x2f" + plain46 + "\n\x2f" + slash46 + "\n\n",
		[]string{plain46, slash46},
		wire.DialectNested,
	},
	{
		"the price: nested names of 46 bytes without a slash gain one", "\x31\x2f" + plain46 + "\n\n",
		[]string{slash47},
		wire.DialectJoined,
	},
	{
		"the price: joined names of 47 bytes with two lose one", "\x31/" + slash46 + "\n\n",
		[]string{slash46},
		wire.DialectNested,
	},
	{
		"no slash either way: the specification wins", "\x22\x20" + strings.Repeat("z", 31) + "\n\n",
		[]string{strings.Repeat("z", 31)},
		wire.DialectNested,
	},
}

func TestParseList(t *testing.T) {
	for _, tt := range lists {
		t.Run(tt.why, func(t *testing.T) {
			text, n, err := wire.ConsumeMessage([]byte(tt.wire), limit)
			if err != nil || n != len(tt.wire) {
				t.Fatalf("Consume = %d, %v; want all %d bytes: the case is wrong", n, err, len(tt.wire))
			}
			got, err := wire.ParseList(text, 2)
			if err != nil || got.Dialect != tt.kind || !slices.Equal(got.Names, tt.names) {
				t.Errorf("ParseList(%q) = %s %q, %v; want %s %q", text, got.Dialect, got.Names, err, tt.kind, tt.names)
			}
			if len(tt.names) > 0 {
				checkListLimit(t, text, len(tt.names))
			}
			if tt.kind == wire.DialectNested {
				checkAppendList(t, tt.names, tt.wire)
			}
		})
	}
}

func checkListLimit(t *testing.T, text []byte, names int) {
	t.Helper()
	if l, err := wire.ParseList(text, names); err != nil || len(l.Names) != names {
		t.Errorf("ParseList, limit %d = %d names, %v", names, len(l.Names), err)
	}
	if l, err := wire.ParseList(text, names-1); !errors.Is(err, wire.ErrTooLarge) || l.Names != nil {
		t.Errorf("ParseList, limit %d = %q, %v; want ErrTooLarge", names-1, l.Names, err)
	}
}

func checkAppendList(t *testing.T, names []string, want string) {
	t.Helper()
	if got := wire.AppendList([]byte("before"), names); string(got) != "before"+want {
		t.Errorf("AppendList = %q, want before%q", got, want)
	}
	// None of these messages has more than one length byte.
	if got := wire.ListSize(names); got != len(want)-1 {
		t.Errorf("ListSize = %d, want %d", got, len(want)-1)
	}
}

func TestParseListGarbage(t *testing.T) {
	for _, tt := range []struct{ why, text string }{
		{"a refusal", "na"},
		{"an empty line in front", "\n/a"},
		{"an empty line between names", "/a\n\n/b"},
		{"an empty line at the end, beside py's newline", "/a\n\n"},
		{"nothing but two newlines", "\n\n"},
		{"a control character in a name", "/a\n/b\x01"},
		{"a carriage return", "/a\r\n/b"},
		{"nested, cut short", "\x03/a\n\x03/b"},
		{"nested, with more behind", "\x03/a\nb"},
		{"nested, a zero length", "\x03/a\n\x00"},
		{"nested, a length that is not minimal", "\x83\x00/a\n"},
		{"nested, a length of three bytes", "\x80\x80\x01" + strings.Repeat("a", 16383) + "\n"},
		{"counted, one name short", "\x02\x03/a"},
		{"counted, one name too many", "\x01\x03/a\n\x03/b"},
		{"counted, no names", "\x00"},
		{"counted, a count of three bytes", "\x81\x80\x01\x03/a"},
		{"counted, the last newline is there", "\x01\x03/a\n"},
	} {
		t.Run(tt.why, func(t *testing.T) {
			l, err := wire.ParseList([]byte(tt.text), 1000)
			if !errors.Is(err, wire.ErrNotList) || l.Names != nil || l.Dialect != 0 {
				t.Errorf("ParseList(%.32q) = %s %.32q, %v; want ErrNotList", tt.text, l.Dialect, l.Names, err)
			}
		})
	}
}

// Long lists need all three length bytes, and the count two.
func TestLongList(t *testing.T) {
	names := make([]string, 1000)
	for i := range names {
		names[i] = fmt.Sprintf("/generated/protocol/%d", i)
	}
	nested := wire.AppendList(nil, names)
	if want := wire.MessageSize(wire.ListSize(names) - 1); len(nested) != want || len(nested) <= wire.MaxMessage {
		t.Fatalf("AppendList gives %d bytes, want %d, more than %d", len(nested), want, wire.MaxMessage)
	}
	if _, _, err := wire.ConsumeMessage(nested, wire.MaxMessage); !errors.Is(err, wire.ErrTooLarge) {
		t.Errorf("Consume at the limit of a message = %v, want ErrTooLarge", err)
	}
	text, _, err := wire.ConsumeMessage(nested, wire.MaxList)
	if err != nil {
		t.Fatal(err)
	}
	counted := append([]byte("\xe8\x07"), text[:len(text)-1]...)
	joined := []byte(strings.Join(names, "\n"))
	for _, tt := range []struct {
		kind wire.Dialect
		text []byte
	}{
		{wire.DialectNested, text},
		{wire.DialectCounted, counted},
		{wire.DialectJoined, joined},
		{wire.DialectJoined, append(joined, '\n')},
	} {
		l, err := wire.ParseList(tt.text, len(names))
		if err != nil || l.Dialect != tt.kind || !slices.Equal(l.Names, names) {
			t.Errorf("ParseList of %s = %s, %d names, %v; want all", tt.kind, l.Dialect, len(l.Names), err)
		}
		checkListLimit(t, tt.text, len(names))
	}
}

// The names outlive the buffer that they were read from.
func TestParseListCopies(t *testing.T) {
	for _, text := range []string{"\x03/a\n", "/a", "\x01\x03/a"} {
		b := []byte(text)
		l, err := wire.ParseList(b, 1)
		clear(b)
		if err != nil || !slices.Equal(l.Names, []string{"/a"}) {
			t.Errorf("ParseList(%q), buffer reused = %q, %v; want /a", text, l.Names, err)
		}
	}
}

// A parser that appends to its argument would write into the caller's buffer.
func TestParseListLeavesTheBuffer(t *testing.T) {
	b := []byte("\x01\x03/a!")
	if _, err := wire.ParseList(b[:4], 1); err != nil || b[4] != '!' {
		t.Errorf("ParseList wrote behind its text: %q, %v", b, err)
	}
}

func TestDialectString(t *testing.T) {
	for d, want := range map[wire.Dialect]string{
		wire.DialectNested:  "nested",
		wire.DialectJoined:  "joined",
		wire.DialectCounted: "counted",
	} {
		if got := d.String(); got != want {
			t.Errorf("Dialect(%d).String() = %s, want %s", d, got, want)
		}
	}
}
