package transcript_test

import (
	"encoding"
	"errors"
	"go/doc/comment"
	"go/parser"
	"go/token"
	"reflect"
	"strings"
	"testing"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/transcript"
	"github.com/multiselect/multiselect/wire"
)

// limit is the largest message of a negotiation with default limits.
const limit = 1024

var (
	_ encoding.TextMarshaler = transcript.Transcript(nil)
	_ encoding.TextAppender  = transcript.Transcript(nil)
)

// sent returns what one side put on the wire.
func sent(t transcript.Transcript, from multiselect.Role) string {
	var b []byte
	for _, l := range t {
		if l.From == from {
			b = l.AppendBytes(b)
		}
	}
	return string(b)
}

// Conversations in canonical notation, with the bytes that they stand for.
var golden = []struct {
	why       string
	notation  string
	initiator string
	responder string
}{
	{
		"design, section 9", `> /multistream/1.0.0
> /echo/2.0.0
< /multistream/1.0.0
< na
> /echo/1.0.0
< /echo/1.0.0
`,
		wire.HeaderFrame + "\x0c/echo/2.0.0\n\x0c/echo/1.0.0\n",
		wire.HeaderFrame + "\x03na\n\x0c/echo/1.0.0\n",
	},
	{
		"an empty list, and one with every kind of name", `> ls
<
> ls
<
    /echo/1.0.0
    ""
    " a"
    "na\n"
    "\xff"
    na
`,
		"\x03ls\n\x03ls\n",
		"\x01\n\x20\x0c/echo/1.0.0\n\x01\n\x03 a\n\x04na\n\n\x02\xff\n\x03na\n\n",
	},
	{
		"bytes that are no message", `> /multistream/1.0.0
>! "\x00GET / HTTP/1.1\r\n"
<! "\x80\x80"
<! ""
`,
		wire.HeaderFrame + "\x00GET / HTTP/1.1\r\n",
		"\x80\x80",
	},
	{
		"comments and breaks everywhere", `# a comment on its own
#

# behind a break
> /echo/1.0.0 # behind a name # with another sign in it

> "/a #b" # behind a quoted name
>! "# \" #" # behind bytes

< # after the arrow of a list
    /a#b
# "quoted"
< na
`,
		"\x0c/echo/1.0.0\n\x06/a #b\n# \" #",
		"\x07\x05/a#b\n\n\x03na\n",
	},
	{"nothing at all", "", "", ""},
}

func TestGolden(t *testing.T) {
	for _, tt := range golden {
		t.Run(tt.why, func(t *testing.T) {
			got := parse(t, tt.notation)
			if s := got.String(); s != tt.notation {
				t.Errorf("String = %q, want %q", s, tt.notation)
			}
			if b := sent(got, multiselect.Initiator); b != tt.initiator {
				t.Errorf("the initiator sends %q, want %q", b, tt.initiator)
			}
			if b := sent(got, multiselect.Responder); b != tt.responder {
				t.Errorf("the responder sends %q, want %q", b, tt.responder)
			}
		})
	}
}

func parse(t *testing.T, notation string) transcript.Transcript {
	t.Helper()
	got, err := transcript.Parse([]byte(notation))
	if err != nil {
		t.Fatalf("Parse(%q): %v", notation, err)
	}
	return got
}

// The example that people copy from has to be right.
func TestDocComment(t *testing.T) {
	notation := docExample(t)
	got := parse(t, notation)
	if s := got.String(); s != notation {
		t.Errorf("the example in the documentation is\n%s, canonical is\n%s", notation, s)
	}
	initiator := wire.HeaderFrame + "\x0c/echo/2.0.0\n\x03ls\n\x0c/echo/1.0.0\nhello"
	if b := sent(got, multiselect.Initiator); b != initiator {
		t.Errorf("the initiator sends %q, want %q", b, initiator)
	}
	responder := wire.HeaderFrame + "\x03na\n\x1b\x0c/echo/1.0.0\n\x0c/time/1.0.0\n\n\x0c/echo/1.0.0\n"
	if b := sent(got, multiselect.Responder); b != responder {
		t.Errorf("the responder sends %q, want %q", b, responder)
	}
}

// docExample returns the first code block of the package documentation.
func docExample(t *testing.T) string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "../../../transcript/transcript.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range new(comment.Parser).Parse(file.Doc.Text()).Content {
		if code, ok := block.(*comment.Code); ok {
			return code.Text
		}
	}
	t.Fatal("no example in the package documentation")
	return ""
}

func TestParse(t *testing.T) {
	got := parse(t, `# one

> /a # two
<
    /b
    /c

<! "\x00"
`)
	want := transcript.Transcript{
		{Kind: transcript.KindComment, Comment: "one"},
		{Kind: transcript.KindMessage, From: multiselect.Initiator, Text: "/a", Comment: "two", Break: true},
		{Kind: transcript.KindList, From: multiselect.Responder, Names: []string{"/b", "/c"}},
		{Kind: transcript.KindRaw, From: multiselect.Responder, Text: "\x00", Break: true},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("ParseTranscript = %+v, want %+v", got, want)
	}
	if b := got[0].AppendBytes([]byte("x")); string(b) != "x" {
		t.Errorf("a comment appends %q to x", b)
	}
}

func TestQuoting(t *testing.T) {
	for _, tt := range []struct{ why, name, want string }{
		{"a path", "/foo/1.0.0", `/foo/1.0.0`},
		{"no slash", "na", `na`},
		{"inner spaces", "a  b", `a  b`},
		{"a letter beyond ASCII", "/é/世界", `/é/世界`},
		{"a sign without a space in front", "/a#b", `/a#b`},
		{"a quote that is not in front", `a"b"`, `a"b"`},
		{"other quotes", "`a'", "`a'"},
		{"a backslash stands for itself", `\n`, `\n`},
		{"an arrow", ">", `>`},
		{"what follows the arrow of raw bytes", `! "a"`, `! "a"`},

		{"empty", "", `""`},
		{"a space in front", " /a", `" /a"`},
		{"a space behind", "/a ", `"/a "`},
		{"only a space", " ", `" "`},
		{"looks quoted", `"a"`, `"\"a\""`},
		{"looks like a comment", "#a", `"#a"`},
		{"looks like a name and a comment", "/a #b", `"/a #b"`},
		{"newline", "/a\nb", `"/a\nb"`},
		{"carriage return", "/a\r", `"/a\r"`},
		{"tab", "\t/a", `"\t/a"`},
		{"NUL", "/a\x00", `"/a\x00"`},
		{"delete", "/a\x7f", `"/a\x7f"`},
		{"not UTF-8", "/\xff\xfe", `"/\xff\xfe"`},
		{"half a rune", "/\xe4\xb8", `"/\xe4\xb8"`},
		{"what stands for bytes that are not UTF-8", "/\ufffd", "\"/\ufffd\""},
		{"a space that does not break", "/a\u00a0b", `"/a\u00a0b"`},
		{"a mark that turns the text around", "/a\u202eb", `"/a\u202eb"`},
		{"a byte order mark", "\ufeff/a", `"\ufeff/a"`},
	} {
		t.Run(tt.why, func(t *testing.T) {
			want := transcript.Transcript{
				{Kind: transcript.KindMessage, From: multiselect.Initiator, Text: tt.name, Comment: "c"},
				{Kind: transcript.KindList, From: multiselect.Responder, Names: []string{tt.name, tt.name}},
			}
			notation := "> " + tt.want + " # c\n<\n    " + tt.want + "\n    " + tt.want + "\n"
			if got := want.String(); got != notation {
				t.Errorf("String = %q, want %q", got, notation)
			}
			if got := parse(t, notation); !reflect.DeepEqual(got, want) {
				t.Errorf("Parse(%q) = %+v, want %+v", notation, got, want)
			}
		})
	}
}

// What people type is read generously and written in one way.
func TestCanonical(t *testing.T) {
	for _, tt := range []struct{ why, in, want string }{
		{"no newline at the end", "> /a", "> /a\n"},
		{"lines of Windows", "> /a\r\n\r\n<\r\n    /b\r\n", "> /a\n\n<\n    /b\n"},
		{"blank lines at both ends", "\n\n> /a\n\n", "> /a\n"},
		{"more than one blank line", "> /a\n\n\n\n> /b\n", "> /a\n\n> /b\n"},
		{"needless quotes", "> \"/a\"\n", "> /a\n"},
		{"needless escapes", "> \"\\x2fa\\u0062\\143\"\n", "> /abc\n"},
		{"a comment without its space", "#a\n> /a #b\n", "# a\n> /a # b\n"},
		{"a comment with many", "#   a  \n> /a #   b  \n", "# a\n> /a # b\n"},
		{"an empty comment behind a message", "> /a #\n", "> /a\n"},
		{"an empty comment behind a list", "< #\n    /a\n", "<\n    /a\n"},
		{"an empty comment with a space", "# \n", "#\n"},
		{"a comment that begins with a sign", "##\n", "# #\n"},
	} {
		t.Run(tt.why, func(t *testing.T) {
			if got := parse(t, tt.in).String(); got != tt.want {
				t.Errorf("Parse(%q) gives %q, want %q", tt.in, got, tt.want)
			}
			if got := parse(t, tt.want).String(); got != tt.want {
				t.Errorf("Parse(%q) gives %q, want the same", tt.want, got)
			}
		})
	}
}

func TestSyntaxErrors(t *testing.T) {
	for _, tt := range []struct{ in, err string }{
		{"/a", "line 1: begins with none of > < # and is not indented"},
		{"> /a\n\n= /b", "line 3: begins with none of > < # and is not indented"},
		{"   /three spaces", "line 1: begins with none of > < # and is not indented"},
		{"\t/tab", "line 1: begins with none of > < # and is not indented"},
		{"\xef\xbb\xbf> /a", "line 1: begins with none of > < # and is not indented"},

		{">/a", "line 1: no space after the arrow"},
		{"# c\n>#", "line 2: no space after the arrow"},
		{">!\"a\"", "line 1: no space after the arrow"},
		{">! a", "line 1: no space after the arrow"},

		{"> ", `line 1: "" has to be quoted`},
		{">  /a", `line 1: " /a" has to be quoted`},
		{"> /a ", `line 1: "/a " has to be quoted`},
		{"> /a  # c", `line 1: "/a " has to be quoted`},
		{"<  # c", `line 1: "" has to be quoted`},
		{"> /a\tb", `line 1: "/a\tb" has to be quoted`},
		{"> /a\xff", `line 1: "/a\xff" has to be quoted`},
		{"> /a\r\r\n", `line 1: "/a\r" has to be quoted`},
		{"<\n    ", `line 2: "" has to be quoted`},
		{"<\n    # c", `line 2: "# c" has to be quoted`},
		{"<\n     /five spaces", `line 2: " /five spaces" has to be quoted`},

		{"> \"/a", "line 1: not a quoted Go string"},
		{"> \"\\q\"", "line 1: not a quoted Go string"},
		{"> \"\xff\"", "line 1: not a quoted Go string"}, // Go would read U+FFFD
		{"<\n    \"/a", "line 2: not a quoted Go string"},
		{">! \"\\\"", "line 1: not a quoted Go string"},

		{"> \"/a\"b", `line 1: unexpected "b"`},
		{"> \"/a\"# c", `line 1: unexpected "# c"`},
		{"> \"/a\" c", `line 1: unexpected "c"`},
		{"> \"/a\"  # c", `line 1: unexpected " # c"`},
		{">! \"/a\"\"b\"", `line 1: unexpected "\"b\""`},
		{"<\n    /a # c", `line 2: unexpected " # c"`},
		{"<\n    \"/a\"b", `line 2: unexpected "b"`},

		{"# a\tb", "line 1: a control character in a comment"},
		{"> /a # b\x00", "line 1: a control character in a comment"},
		{"# a\xff", "line 1: a comment that is not UTF-8"},

		{"    /a", "line 1: a name without an arrow above it"},
		{"> /a\n    /b", "line 2: a name without an arrow above it"},
		{"<\n\n    /a", "line 3: a name without an arrow above it"},
		{"<\n    /a\n# c\n    /b", "line 4: a name without an arrow above it"},
		{"<! \"\"\n    /a", "line 2: a name without an arrow above it"},
	} {
		got, err := transcript.Parse([]byte(tt.in))
		if got != nil || !errors.Is(err, transcript.ErrSyntax) || err.Error() != "not a transcript: "+tt.err {
			t.Errorf("Parse(%q) = %v, %v; want %s", tt.in, got, err, tt.err)
		}
	}
}

func TestTranscribe(t *testing.T) {
	for _, tt := range []struct {
		why   string
		sent  string
		limit int
		want  string
	}{
		{"nothing", "", limit, ""},
		{"a flight", wire.HeaderFrame + "\x0b/foo/1.0.0\n", limit, "< /multistream/1.0.0\n< /foo/1.0.0\n"},
		{"a list", "\x18\x0a/foo/bar1\n\x0b/bar/2.0.0\n\n\x03na\n", limit, "<\n    /foo/bar1\n    /bar/2.0.0\n< na\n"},
		{"an empty text is also the empty list; the message is shown", "\x01\n", limit, "< \"\"\n"},
		{"a list of nothing but an empty name", "\x03\x01\n\n", limit, "<\n    \"\"\n"},
		{"py's list", "\x17/foo/1.0.0\n/bar/2.0.0\n\n", limit, `< "/foo/1.0.0\n/bar/2.0.0\n"` + "\n"},
		{"old go's list", "\x19\x02\x0b/foo/1.0.0\n\x0b/bar/2.0.0\n", limit, `< "\x02\v/foo/1.0.0\n\v/bar/2.0.0"` + "\n"},
		{"old go's empty list has no newline", "\x01\x00", limit, `<! "\x01\x00"` + "\n"},
		{"cut short", "\x03na\n\x0b/foo", limit, "< na\n" + `<! "\v/foo"` + "\n"},
		{"cut in the length", "\x80", limit, `<! "\x80"` + "\n"},
		{"all that is left, even if a message is in it", "\x00\x03na\n", limit, `<! "\x00\x03na\n"` + "\n"},
		{"within the limit", "\x0b/foo/1.0.0\n", 11, "< /foo/1.0.0\n"},
		{"above the limit", "\x03na\n\x0b/foo/1.0.0\n", 10, "< na\n" + `<! "\v/foo/1.0.0\n"` + "\n"},
		{
			"the two lengths of a long list", "\x82\x80\x01\xff\x7f" + strings.Repeat("a", 16382) + "\n\n", wire.MaxList,
			"<\n    " + strings.Repeat("a", 16382) + "\n",
		},
	} {
		t.Run(tt.why, func(t *testing.T) {
			got := transcript.Transcribe(multiselect.Responder, []byte(tt.sent), tt.limit)
			if s := got.String(); s != tt.want {
				t.Errorf("Transcribe = %.99q, want %.99q", s, tt.want)
			}
			if b := sent(got, multiselect.Responder); b != tt.sent {
				t.Errorf("AppendBytes = %.99q, want %.99q", b, tt.sent)
			}
			if back := parse(t, got.String()); !reflect.DeepEqual(back, got) {
				t.Errorf("ParseTranscript = %+v, want %+v", back, got)
			}
		})
	}
}

func TestMarshalText(t *testing.T) {
	got := parse(t, golden[0].notation)
	if b, err := got.MarshalText(); string(b) != golden[0].notation || err != nil {
		t.Errorf("MarshalText = %q, %v; want %q", b, err, golden[0].notation)
	}
	if b, err := got.AppendText([]byte("before\n")); string(b) != "before\n"+golden[0].notation || err != nil {
		t.Errorf("AppendText = %q, %v; want before\\n%q", b, err, golden[0].notation)
	}
}
