package wire_test

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/multiselect/multiselect/wire"
)

// limit is the limit of a negotiation that leaves everything at its default.
const limit = 1024

// frame writes a message by hand: the length bytes are given as a literal, so
// that no test asks the encoder what the encoder should say.
func frame(length string, body int) string {
	return length + strings.Repeat("a", body-1) + "\n"
}

// Every size at which a length grows by a byte or a limit in the field lies.
var sizes = []struct {
	why    string
	body   int // text and newline
	length string
}{
	{"the shortest message, an empty text", 1, "\x01"},
	{"the longest that one length byte announces", 127, "\x7f"},
	{"the shortest that needs two", 128, "\x80\x01"},
	{"one below the usual limit", 1023, "\xff\x07"},
	{"the usual limit", 1024, "\x80\x08"},
	{"one above the usual limit", 1025, "\x81\x08"},
	{"the longest that two length bytes announce", 16383, "\xff\x7f"},
	{"the shortest that needs three, legal in a list only", 16384, "\x80\x80\x01"},
	{"the longest that three length bytes announce", 2097151, "\xff\xff\x7f"},
}

// Messages with texts that other implementations treat in a way of their own.
var messages = []struct {
	why  string
	text string
	wire string
}{
	{"the header", "/multistream/1.0.0", "\x13/multistream/1.0.0\n"},
	//                                    |   text              newline
	{"a proposal", "/foo/1.0.0", "\x0b/foo/1.0.0\n"},
	{"its length byte looks like a newline", "/foo/bar1", "\x0a/foo/bar1\n"},
	{"its length byte looks like a slash", "/" + strings.Repeat("x", 45), "\x2f/" + strings.Repeat("x", 45) + "\n"},
	{"a refusal", "na", "\x03na\n"},
	{"a request for a list", "ls", "\x03ls\n"},
	{"no text", "", "\x01\n"},
	{"a text that ends like a message", "/foo/1.0.0\n", "\x0c/foo/1.0.0\n\n"},
	{"a newline inside", "/a\nb", "\x05/a\nb\n"},
	{"a text that is no UTF-8", "/\xff\xfe", "\x04/\xff\xfe\n"},
	{"a NUL", "/foo\x00", "\x06/foo\x00\n"},
	{"no slash", "nope", "\x05nope\n"},
}

func TestAppendMessage(t *testing.T) {
	for _, tt := range messages {
		t.Run(tt.why, func(t *testing.T) {
			got := wire.AppendMessage([]byte("before"), tt.text)
			if want := "before" + tt.wire; string(got) != want {
				t.Errorf("AppendMessage = %q, want %q", got, want)
			}
			if got := wire.MessageSize(len(tt.text)); got != len(tt.wire) {
				t.Errorf("MessageSize = %d, want %d", got, len(tt.wire))
			}
		})
	}
}

func TestAppendMessageSizes(t *testing.T) {
	for _, tt := range sizes {
		t.Run(tt.why, func(t *testing.T) {
			want := frame(tt.length, tt.body)
			if got := wire.AppendMessage(nil, strings.Repeat("a", tt.body-1)); string(got) != want {
				t.Errorf("AppendMessage = %.8q…, %d bytes; want %.8q…, %d bytes", got, len(got), want, len(want))
			}
			if got := wire.MessageSize(tt.body - 1); got != len(want) {
				t.Errorf("MessageSize = %d, want %d", got, len(want))
			}
		})
	}
}

func TestAppendMessageEncodesNonsense(t *testing.T) {
	// A conformance suite has to announce what no reader will take: here the
	// first length with four bytes.
	got := wire.AppendMessage(nil, strings.Repeat("a", wire.MaxList))
	if want := "\x80\x80\x80\x01aaaa"; string(got[:8]) != want {
		t.Errorf("AppendMessage = %q…, want %q…", got[:8], want)
	}
	if _, _, err := wire.ConsumeMessage(got, wire.MaxList); !errors.Is(err, wire.ErrTooLarge) {
		t.Errorf("Consume of it = %v, want ErrTooLarge", err)
	}
}

func TestHeaderFrame(t *testing.T) {
	if want := "\x13/multistream/1.0.0\n"; wire.HeaderFrame != want {
		t.Errorf("HeaderFrame = %q, want %q", wire.HeaderFrame, want)
	}
}

// checkConsume cuts a message at every byte: a part of it is not yet a
// message and not an error, and of what stands behind it nothing is taken.
func checkConsume(t *testing.T, message, want string, limit int) {
	t.Helper()
	b := []byte(message)
	for i := range b {
		if text, n, err := wire.ConsumeMessage(b[:i], limit); text != nil || n != 0 || err != nil {
			t.Fatalf("Consume of the first %d bytes = %q, %d, %v; want nothing yet", i, text, n, err)
		}
	}
	for _, behind := range []string{"", "\x00", wire.HeaderFrame} {
		text, n, err := wire.ConsumeMessage(append(bytes.Clone(b), behind...), limit)
		if string(text) != want || n != len(message) || err != nil {
			t.Errorf("Consume with %q behind = %.32q, %d, %v; want %.32q, %d", behind, text, n, err, want, len(message))
		}
	}
}

func TestConsume(t *testing.T) {
	for _, tt := range messages {
		t.Run(tt.why, func(t *testing.T) {
			checkConsume(t, tt.wire, tt.text, limit)
		})
	}
}

func TestConsumeSizes(t *testing.T) {
	for _, tt := range sizes {
		t.Run(tt.why, func(t *testing.T) {
			// The limit counts the newline and not the length bytes, so a
			// limit equal to the body is just enough.
			checkConsume(t, frame(tt.length, tt.body), strings.Repeat("a", tt.body-1), tt.body)
		})
	}
}

func TestConsumeAliases(t *testing.T) {
	b := []byte(wire.HeaderFrame)
	text, _, err := wire.ConsumeMessage(b, limit)
	if err != nil || &text[0] != &b[1] {
		t.Errorf("Consume = %q, %v; want a part of the buffer", text, err)
	}
}

// Each case is certain to fail once its first `at` bytes are there, no sooner
// and for the same reason ever after.
var failures = []struct {
	why   string
	bytes string
	limit int
	at    int
	err   error
}{
	{"zero length: not even room for the newline", "\x00\x0b/foo/1.0.0\n", limit, 1, wire.ErrMalformed},
	{"non-minimal header", "\x93\x00/multistream/1.0.0\n", limit, 2, wire.ErrMalformed},
	{"non-minimal proposal", "\x8b\x00/foo/1.0.0\n", limit, 2, wire.ErrMalformed},
	{"non-minimal zero", "\x80\x00", limit, 2, wire.ErrMalformed},
	{"non-minimal in three bytes", "\x80\x80\x00", wire.MaxList, 3, wire.ErrMalformed},
	{"three bytes, whatever the third may be", "\x80\x80\x00", limit, 2, wire.ErrTooLarge},
	{"three bytes at the largest limit of a message", "\x80\x80\x01", wire.MaxMessage, 2, wire.ErrTooLarge},
	{"four bytes at the smallest limit of a list", "\x80\x80\x80\x01", wire.MaxMessage + 1, 3, wire.ErrTooLarge},
	{"endless length of a message", strings.Repeat("\x80", 4096), limit, 2, wire.ErrTooLarge},
	{"endless length of a list", strings.Repeat("\x80", 4096), wire.MaxList, 3, wire.ErrTooLarge},
	{"endless length without a limit", strings.Repeat("\x80", 4096), math.MaxInt, 3, wire.ErrTooLarge},
	{"63 bits of length", "\xff\xff\xff\xff\xff\xff\xff\xff\x7f", limit, 2, wire.ErrTooLarge},
	{"63 bits of length for a list", "\xff\xff\xff\xff\xff\xff\xff\xff\x7f", wire.MaxList, 3, wire.ErrTooLarge},
	{"63 bits of length without a limit", "\xff\xff\xff\xff\xff\xff\xff\xff\x7f", math.MaxInt, 3, wire.ErrTooLarge},
	{"one more than the limit", "\x81\x08", 1024, 2, wire.ErrTooLarge},
	{"one more than a small limit", "\x0a/foo/bar1\n", 9, 1, wire.ErrTooLarge},
	{"a second length byte means at least 128", "\x80\x01", 127, 1, wire.ErrTooLarge},
	{"a limit of nothing", "\x01\n", 0, 1, wire.ErrTooLarge},
	{"a limit below nothing", "\x01\n", -1, 1, wire.ErrTooLarge},
	{"header without newline", "\x12/multistream/1.0.0\x0b/foo/1.0.0\n", limit, 19, wire.ErrMalformed},
	{"name without newline", "\x04/foo", limit, 5, wire.ErrMalformed},
	{"newline not counted", "\x0a/foo/1.0.0\n", limit, 11, wire.ErrMalformed},
	{"another byte in place of the newline", "\x01a", limit, 2, wire.ErrMalformed},
	{"carriage return in place of the newline", "\x03na\r\n", limit, 4, wire.ErrMalformed},
	{"an HTTP client: G is a length of 71", "GET / HTTP/1.1\r\nHost: " + strings.Repeat("h", 64), limit, 72, wire.ErrMalformed},
	{"a TLS client: a handshake record is a length of 22", "\x16\x03\x01\x02\x00" + strings.Repeat("\x01", 64), limit, 23, wire.ErrMalformed},
}

func TestConsumeFailures(t *testing.T) {
	for _, tt := range failures {
		t.Run(tt.why, func(t *testing.T) {
			for i := range len(tt.bytes) + 1 {
				text, n, err := wire.ConsumeMessage([]byte(tt.bytes[:i]), tt.limit)
				if text != nil || n != 0 {
					t.Fatalf("Consume of the first %d bytes = %q, %d; want nothing", i, text, n)
				}
				if i < tt.at && err != nil {
					t.Errorf("Consume of the first %d bytes = %v, want no error before %d", i, err, tt.at)
				}
				if i >= tt.at && (!errors.Is(err, tt.err) || errors.Is(err, wire.ErrTooLarge) != (tt.err == wire.ErrTooLarge)) {
					t.Errorf("Consume of the first %d bytes = %v, want %v", i, err, tt.err)
				}
			}
		})
	}
}

func TestErrorTexts(t *testing.T) {
	for _, tt := range []struct{ bytes, want string }{
		{"\x00", "malformed message: length is zero"},
		{"\x80\x00", "malformed message: length is not minimal"},
		{"\x01a", "malformed message: no newline at the end"},
		{"\x80\x80", "message too large: its length has more than 2 bytes"},
		{"\x81\x08", "message too large: 1025 bytes announced, 1024 allowed"},
	} {
		if _, _, err := wire.ConsumeMessage([]byte(tt.bytes), limit); err == nil || err.Error() != tt.want {
			t.Errorf("Consume(%q) = %v, want %s", tt.bytes, err, tt.want)
		}
	}
}

// A reader must know how much to read before the body is there.
func TestLength(t *testing.T) {
	for _, tt := range sizes {
		t.Run(tt.why, func(t *testing.T) {
			for i := range tt.length {
				if prefix, body, err := wire.Length([]byte(tt.length[:i]), tt.body); prefix != 0 || body != 0 || err != nil {
					t.Errorf("Length(%q) = %d, %d, %v; want nothing yet", tt.length[:i], prefix, body, err)
				}
			}
			for _, behind := range []string{"", "a", "\x00\x00"} {
				b := []byte(tt.length + behind)
				prefix, body, err := wire.Length(b, tt.body)
				if prefix != len(tt.length) || body != tt.body || err != nil {
					t.Errorf("Length(%q) = %d, %d, %v; want %d, %d", b, prefix, body, err, len(tt.length), tt.body)
				}
				prefix, body, err = wire.Length(b, tt.body-1)
				if prefix != 0 || body != 0 || !errors.Is(err, wire.ErrTooLarge) {
					t.Errorf("Length(%q), limit one lower = %d, %d, %v; want ErrTooLarge", b, prefix, body, err)
				}
			}
		})
	}
}

// The codec is part of every negotiation, and those must not allocate.
func TestAllocations(t *testing.T) {
	sent := []byte(frame("\x80\x08", 1024))
	text := string(sent[2:1025])
	names := []string{"/foo/1.0.0", "/bar/2.0.0"}
	buf := make([]byte, 0, len(sent))
	for _, tt := range []struct {
		name string
		call func()
	}{
		{"Length", func() { wire.Length(sent, limit) }},
		{"Consume", func() { wire.ConsumeMessage(sent, limit) }},
		{"AppendMessage", func() { wire.AppendMessage(buf, text) }},
		{"AppendList", func() { wire.AppendList(buf, names) }},
		{"CheckName", func() { wire.CheckName(text, limit) }},
	} {
		if got := testing.AllocsPerRun(100, tt.call); got != 0 {
			t.Errorf("%s allocates %v times", tt.name, got)
		}
	}
}
