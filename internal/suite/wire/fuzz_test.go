package wire_test

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"github.com/multiselect/multiselect/wire"
)

// What parses is what the encoder writes, byte for byte; no part of it is a
// message or an error; and an error stays whatever else arrives.
func FuzzConsume(f *testing.F) {
	for _, tt := range messages {
		f.Add([]byte(tt.wire), limit)
	}
	for _, tt := range failures {
		f.Add([]byte(tt.bytes), tt.limit)
	}
	f.Add([]byte(frame("\x80\x80\x01", 16384)), wire.MaxList)
	f.Fuzz(func(t *testing.T, b []byte, limit int) {
		text, n, err := wire.ConsumeMessage(b, limit)
		whole := len(b)
		switch {
		case err != nil:
			if text != nil || n != 0 {
				t.Fatalf("Consume = %q, %d with %v", text, n, err)
			}
			_, _, again := wire.ConsumeMessage(append(bytes.Clone(b), '\n'), limit)
			if again == nil || again.Error() != err.Error() {
				t.Fatalf("%v, and with more behind %v", err, again)
			}
			return
		case n > 0:
			whole = n - 1
			if got := wire.AppendMessage(nil, string(text)); !bytes.Equal(got, b[:n]) {
				t.Fatalf("%q is written %q", b[:n], got)
			}
			if len(text)+1 > limit || wire.MessageSize(len(text)) != n {
				t.Fatalf("a text of %d bytes in %d, limit %d", len(text), n, limit)
			}
		}
		for i := range whole + 1 {
			if text, n, err := wire.ConsumeMessage(b[:i], limit); text != nil || n != 0 || err != nil {
				t.Fatalf("Consume of the first %d of %d bytes = %q, %d, %v", i, len(b), text, n, err)
			}
		}
	})
}

// A list written again in its own dialect is the same text, so nothing is
// lost and nothing made up; the nested form also survives our own encoder.
func FuzzParseList(f *testing.F) {
	for _, tt := range lists {
		if text, _, err := wire.ConsumeMessage([]byte(tt.wire), limit); err == nil {
			f.Add(text)
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		l, err := wire.ParseList(text, len(text))
		if err != nil {
			return
		}
		nested := wire.AppendList(nil, l.Names)
		again, n, err := wire.ConsumeMessage(nested, wire.MaxList)
		if err != nil || n != len(nested) {
			t.Fatalf("Consume of %q = %d, %v", nested, n, err)
		}
		switch l.Dialect {
		case wire.DialectNested:
			if !bytes.Equal(again, text) {
				t.Fatalf("%q is written %q", text, again)
			}
			back, err := wire.ParseList(again, len(l.Names))
			if err != nil || back.Dialect != l.Dialect || !slices.Equal(back.Names, l.Names) {
				t.Fatalf("%q comes back as %s %q, %v", l.Names, back.Dialect, back.Names, err)
			}
		case wire.DialectJoined:
			if joined := strings.Join(l.Names, "\n"); joined != strings.TrimSuffix(string(text), "\n") {
				t.Fatalf("%q is written %q", text, joined)
			}
		case wire.DialectCounted:
			count := binary.AppendUvarint(nil, uint64(len(l.Names)))
			if counted := append(count, again...); string(counted) != string(text)+"\n" {
				t.Fatalf("%q is written %q", text, counted)
			}
		}
	})
}
