package streamtest

import (
	"io"
	"testing"

	"github.com/multiselect/multiselect/wire"
)

// Messages returns the encoded messages with the given texts.
func Messages(texts ...string) string {
	var b []byte
	for _, text := range texts {
		b = wire.AppendMessage(b, text)
	}
	return string(b)
}

// Bytewise splits a string into its bytes, as chunks for a [Script].
func Bytewise(bytes string) (chunks []string) {
	for i := range len(bytes) {
		chunks = append(chunks, bytes[i:i+1])
	}
	return chunks
}

// MustWrite writes p, and fails the test if that fails or is cut short.
func MustWrite(t testing.TB, w io.Writer, p string) {
	t.Helper()
	if n, err := io.WriteString(w, p); n != len(p) || err != nil {
		t.Fatalf("Write(%.80q) = %d, %v", p, n, err)
	}
}

// MustRead reads as many bytes as want has, and fails the test unless they are
// equal.
func MustRead(t testing.TB, r io.Reader, want string) {
	t.Helper()
	got := make([]byte, len(want))
	if n, err := io.ReadFull(r, got); err != nil || string(got) != want {
		t.Fatalf("read %.80q, %v; want %.80q", got[:n], err, want)
	}
}
