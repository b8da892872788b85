package rules

import (
	"errors"
	"slices"
	"testing"

	"github.com/multiselect/multiselect/wire"
)

func TestIsHeader(t *testing.T) {
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
		if got := IsHeader(contents); got != want {
			t.Errorf("IsHeader(%q) = %v", contents, got)
		}
	}
}

// Each front of the header is possible; with any byte of it changed, it is not.
func TestCanBeHeader(t *testing.T) {
	for n := range len(wire.HeaderFrame) + 1 {
		arrived := []byte(wire.HeaderFrame[:n])
		if !CanBeHeader(arrived) {
			t.Errorf("%q is not the header's beginning", arrived)
		}
		for i := range arrived {
			for _, flip := range []byte{1, 0x20, 0x80} {
				wrong := slices.Clone(arrived)
				wrong[i] ^= flip
				if CanBeHeader(wrong) {
					t.Errorf("%q passes for the header", wrong)
				}
			}
		}
	}
	if !CanBeHeader([]byte(wire.HeaderFrame + "what follows is not looked at")) {
		t.Error("the header is not possible with bytes after it")
	}
}

func TestReplyTo(t *testing.T) {
	const registered, more, listing = true, true, true
	for _, tt := range []struct {
		text                      string
		registered, more, listing bool
		want                      Reply
	}{
		{"/foo", registered, !more, listing, ReplyEcho},
		{"/foo", registered, !more, !listing, ReplyEcho},
		{"/foo", registered, more, listing, ReplyNA}, // R12
		{"/foo", !registered, !more, listing, ReplyNA},
		{"/foo", !registered, more, listing, ReplyNA},
		{"ls", !registered, !more, listing, ReplyList},
		{"ls", !registered, more, listing, ReplyList}, // pipelined
		{"ls", !registered, !more, !listing, ReplyNA}, // R19
		{"na", !registered, !more, listing, ReplyNA},
		{"/multistream/1.0.0", !registered, !more, listing, ReplyNA}, // R4
		{"", !registered, !more, listing, ReplyNA},
		{"LS", !registered, !more, listing, ReplyNA},
		{"ls ", !registered, !more, listing, ReplyNA},
		{"a\nb", !registered, !more, listing, ReplyNA},
		{"\xff\xfe", !registered, !more, listing, ReplyNA},
	} {
		if got := ReplyTo([]byte(tt.text), tt.registered, tt.more, tt.listing); got != tt.want {
			t.Errorf("ReplyTo(%q, registered %v, more %v, listing %v) = %d, want %d",
				tt.text, tt.registered, tt.more, tt.listing, got, tt.want)
		}
	}
}

func TestJudge(t *testing.T) {
	for _, tt := range []struct {
		answer, proposed string
		want             Verdict
	}{
		{"/foo/1.0.0", "/foo/1.0.0", Agreed},
		{"na", "/foo/1.0.0", Refused},
		{"/foo/1.0.0 ", "/foo/1.0.0", Violated},
		{"/foo/1.0.0\n", "/foo/1.0.0", Violated},
		{"/FOO/1.0.0", "/foo/1.0.0", Violated},
		{"/foo/1.0", "/foo/1.0.0", Violated},
		{"/bar/1.0.0", "/foo/1.0.0", Violated},
		{"", "/foo/1.0.0", Violated},
		{"NA", "/foo/1.0.0", Violated},
		{"na ", "/foo/1.0.0", Violated},
		{"ls", "/foo/1.0.0", Violated},
		{"/multistream/1.0.0", "/foo/1.0.0", Violated},
		{"x", "x", Agreed},
	} {
		if got := Judge([]byte(tt.answer), tt.proposed); got != tt.want {
			t.Errorf("Judge(%q, %q) = %d, want %d", tt.answer, tt.proposed, got, tt.want)
		}
	}
}

func TestJudgeList(t *testing.T) {
	nested := string(wire.AppendMessage(wire.AppendMessage(nil, "/a"), "/b"))
	for _, tt := range []struct {
		answer string
		names  int
		want   Verdict
		err    error
		list   []string
	}{
		{"na", 10, Refused, nil, nil},
		{"ls", 10, Violated, wire.ErrNotList, nil},
		{"/multistream/1.0.0", 10, Violated, wire.ErrNotList, nil},
		{nested, 10, Agreed, nil, []string{"/a", "/b"}},
		{nested, 2, Agreed, nil, []string{"/a", "/b"}},
		{nested, 1, Violated, wire.ErrTooLarge, nil},
		{"", 10, Agreed, nil, nil},
		{"/a\n/b", 10, Agreed, nil, []string{"/a", "/b"}},
		{"\x00\x01", 10, Violated, wire.ErrNotList, nil},
	} {
		list, got, err := JudgeList([]byte(tt.answer), tt.names)
		if got != tt.want || !errors.Is(err, tt.err) || !slices.Equal(list.Names, tt.list) {
			t.Errorf("JudgeList(%q, %d) = %q, %d, %v; want %q, %d, %v",
				tt.answer, tt.names, list.Names, got, err, tt.list, tt.want, tt.err)
		}
	}
}

func TestMajor(t *testing.T) {
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
		if got, ok := Major(name); !ok || got != want {
			t.Errorf("Major(%q) = %q, %v; want %q", name, got, ok, want)
		}
	}
	for _, name := range []string{
		"", "/", "foo", "1.0.0", "/foo", "/foo/", "/foo/v1", "/foo/1.2.3.4", "/foo/01", "/foo/1.02", "/foo/1.", "/foo/.1",
		"/foo/1..2", "/foo/1.2.3-rc1", "/foo/1.2.3+b", "/foo/+1", "/foo/-1", "/foo/1 ", "/foo/1.x", "/foo/1.2\n", "/foo/٣", "/foo/1.00",
	} {
		if got, ok := Major(name); ok {
			t.Errorf("Major(%q) = %q, and it has no version", name, got)
		}
	}
}
