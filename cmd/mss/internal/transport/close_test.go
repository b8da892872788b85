package transport

import (
	"io"
	"testing"

	"github.com/multiselect/multiselect/internal/streamtest"
)

// A client that has left misses nothing: that is no failure of a target.
func TestHangUpOnNobody(t *testing.T) {
	here, there := streamtest.TCP(t)
	there.Close()
	var err error
	for err == nil { // until the news has arrived
		_, err = io.WriteString(here, "?")
	}
	if err := HangUp(here); err != nil {
		t.Errorf("got %v", err)
	}
}
