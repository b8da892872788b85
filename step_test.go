package multiselect

import (
	"errors"
	"slices"
	"testing"

	"github.com/multiselect/multiselect/wire"
)

func TestIsValidHandshake(t *testing.T) {
	for contents, want := range map[string]bool{
		"/multistream/1.0.0":   true,
		"":                     false,
		"/multistream/1.0.0\n": false,
		"/multistream/1.0.0 ":  false,
		" /multistream/1.0.0":  false,
		"/multistream/1.1.0":   false,
		"/MULTISTREAM/1.0.0":   false,
		"/multistream/1.0":     false,
	} {
		if got := IsValidHandshake(contents); got != want {
			t.Errorf("IsValidHandshake(%q) = %v", contents, got)
		}
	}
}

// Each front of the header is possible; with any byte of it changed, it is not.
func TestHeaderPossible(t *testing.T) {
	for n := range len(wire.HeaderFrame) + 1 {
		arrived := []byte(wire.HeaderFrame[:n])
		if !headerPossible(arrived) {
			t.Errorf("%q is not the header's beginning", arrived)
		}
		for i := range arrived {
			for _, flip := range []byte{1, 0x20, 0x80} {
				wrong := slices.Clone(arrived)
				wrong[i] ^= flip
				if headerPossible(wrong) {
					t.Errorf("%q passes for the header", wrong)
				}
			}
		}
	}
	if !headerPossible([]byte(wire.HeaderFrame + "what follows is not looked at")) {
		t.Error("the header is not possible with something behind it")
	}
}

func TestReplyTo(t *testing.T) {
	const registered, behind, listing = true, true, true
	for _, tt := range []struct {
		text                        string
		registered, behind, listing bool
		want                        reply
	}{
		{"/foo", registered, !behind, listing, replyEcho},
		{"/foo", registered, !behind, !listing, replyEcho},
		{"/foo", registered, behind, listing, replyNA}, // R12
		{"/foo", !registered, !behind, listing, replyNA},
		{"/foo", !registered, behind, listing, replyNA},
		{"ls", !registered, !behind, listing, replyList},
		{"ls", !registered, behind, listing, replyList}, // pipelined
		{"ls", !registered, !behind, !listing, replyNA}, // R19
		{"na", !registered, !behind, listing, replyNA},
		{"/multistream/1.0.0", !registered, !behind, listing, replyNA}, // R4
		{"", !registered, !behind, listing, replyNA},
		{"LS", !registered, !behind, listing, replyNA},
		{"ls ", !registered, !behind, listing, replyNA},
		{"a\nb", !registered, !behind, listing, replyNA},
		{"\xff\xfe", !registered, !behind, listing, replyNA},
	} {
		if got := replyTo([]byte(tt.text), tt.registered, tt.behind, tt.listing); got != tt.want {
			t.Errorf("replyTo(%q, registered %v, behind %v, listing %v) = %d, want %d",
				tt.text, tt.registered, tt.behind, tt.listing, got, tt.want)
		}
	}
}

func TestJudge(t *testing.T) {
	for _, tt := range []struct {
		answer, proposed string
		want             verdict
	}{
		{"/foo/1.0.0", "/foo/1.0.0", agreed},
		{"na", "/foo/1.0.0", refused},
		{"/foo/1.0.0 ", "/foo/1.0.0", violated},
		{"/foo/1.0.0\n", "/foo/1.0.0", violated},
		{"/FOO/1.0.0", "/foo/1.0.0", violated},
		{"/foo/1.0", "/foo/1.0.0", violated},
		{"/bar/1.0.0", "/foo/1.0.0", violated},
		{"", "/foo/1.0.0", violated},
		{"NA", "/foo/1.0.0", violated},
		{"na ", "/foo/1.0.0", violated},
		{"ls", "/foo/1.0.0", violated},
		{"/multistream/1.0.0", "/foo/1.0.0", violated},
		{"x", "x", agreed},
	} {
		if got := judge([]byte(tt.answer), tt.proposed); got != tt.want {
			t.Errorf("judge(%q, %q) = %d, want %d", tt.answer, tt.proposed, got, tt.want)
		}
	}
}

func TestJudgeList(t *testing.T) {
	nested := string(wire.AppendMessage(wire.AppendMessage(nil, "/a"), "/b"))
	for _, tt := range []struct {
		answer string
		names  int
		want   error
		list   []string
	}{
		{"na", 10, ErrNotSupported, nil},
		{"ls", 10, ErrUnexpectedAnswer, nil},
		{"/multistream/1.0.0", 10, ErrUnexpectedAnswer, nil},
		{nested, 10, nil, []string{"/a", "/b"}},
		{nested, 2, nil, []string{"/a", "/b"}},
		{nested, 1, ErrTooLarge, nil},
		{"", 10, nil, nil},
		{"/a\n/b", 10, nil, []string{"/a", "/b"}},
		{"\x00\x01", 10, ErrUnexpectedAnswer, nil},
	} {
		list, got := judgeList([]byte(tt.answer), tt.names)
		if !errors.Is(got, tt.want) || !slices.Equal(list.Names, tt.list) {
			t.Errorf("judgeList(%q, %d) = %q, %v; want %q, %v", tt.answer, tt.names, list.Names, got, tt.list, tt.want)
		}
	}
}

func TestMajorOf(t *testing.T) {
	for name, want := range map[string]string{
		"/foo/1":                            "/foo/1",
		"/foo/1.2":                          "/foo/1",
		"/foo/1.2.3":                        "/foo/1",
		"/foo/0.0.0":                        "/foo/0",
		"/foo/10.20.30":                     "/foo/10",
		"/1":                                "/1",
		"foo/1.0":                           "foo/1",
		"/foo/bar/2.0.0":                    "/foo/bar/2",
		"/foo/99999999999999999999999999.1": "/foo/99999999999999999999999999",
	} {
		if got, ok := majorOf(name); !ok || got != want {
			t.Errorf("majorOf(%q) = %q, %v; want %q", name, got, ok, want)
		}
	}
	for _, name := range []string{
		"", "/", "foo", "1.0.0", "/foo", "/foo/", "/foo/v1", "/foo/1.2.3.4", "/foo/01", "/foo/1.02", "/foo/1.", "/foo/.1",
		"/foo/1..2", "/foo/1.2.3-rc1", "/foo/1.2.3+b", "/foo/+1", "/foo/-1", "/foo/1 ", "/foo/1.x", "/foo/1.2\n", "/foo/٣", "/foo/1.00",
	} {
		if got, ok := majorOf(name); ok {
			t.Errorf("majorOf(%q) = %q, and it has no version", name, got)
		}
	}
}
