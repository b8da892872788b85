package main

import (
	"io"
	"testing"

	"github.com/multiselect/multiselect"
)

// The server resets with it, too, whatever it has around a stream.
func TestServerResetCode(t *testing.T) {
	for _, where := range []string{"yamux://127.0.0.1:0", "quic://127.0.0.1:0"} {
		a, err := parse(where)
		if err != nil {
			t.Fatal(err)
		}
		p, err := startEmbeddedAt(a)
		if err != nil {
			t.Fatal(err)
		}
		defer p.stop()
		stream, err := p.stream(t.Context(), io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(stream, "GET / HTTP/1.1\r\n")
		_, err = io.ReadAll(stream)
		if how, code := ending(err); how != endReset || code != multiselect.ResetCode {
			t.Errorf("%s: the client sees %s, code %#x: %v", where, how, code, err)
		}
	}
}
