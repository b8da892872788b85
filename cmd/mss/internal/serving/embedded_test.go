package serving

import (
	"io"
	"testing"

	"github.com/multiselect/multiselect"

	"github.com/multiselect/multiselect/cmd/mss/internal/address"
	"github.com/multiselect/multiselect/cmd/mss/internal/transport"
)

// The server resets with it, too, whatever it has around a stream.
func TestServerResetCode(t *testing.T) {
	for _, where := range []string{"yamux://127.0.0.1:0", "quic://127.0.0.1:0"} {
		a, err := address.Parse(where)
		if err != nil {
			t.Fatal(err)
		}
		p, err := StartEmbedded(a)
		if err != nil {
			t.Fatal(err)
		}
		defer p.Stop()
		stream, err := p.Stream(t.Context(), io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(stream, "GET / HTTP/1.1\r\n")
		_, err = io.ReadAll(stream)
		if how, code := transport.Ending(err); how != "reset" || code == nil || *code != multiselect.ResetCode {
			t.Errorf("%s: the client sees %s, code %v: %v", where, how, code, err)
		}
	}
}
