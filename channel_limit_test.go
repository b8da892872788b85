package multiselect_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/internal/apitest"
)

// resettable is a message channel with a Reset, which nobody but the channel's
// own type knows of.
type resettable struct {
	ended   string
	written int
}

func (r *resettable) ReadMessage(int) (string, error)  { return "", io.EOF }
func (r *resettable) Close() error                     { r.ended += "close"; return nil }
func (r *resettable) ResetWithError(code uint32) error { r.ended += "reset"; return nil }

func (r *resettable) WriteMessages(texts ...string) error {
	for _, text := range texts {
		r.written += len(text)
	}
	return nil
}

func TestChannelIsReset(t *testing.T) {
	var ch resettable
	c := multiselect.NewChannelCommunicator(&ch)
	if err := c.WriteMessages(strings.Repeat("x", 3<<20)); err != nil || ch.written != 3<<20 {
		t.Fatal(err, ch.written)
	}
	if _, err := new(multiselect.Client).SelectOn(context.Background(), c, apitest.NameA); !errors.Is(err, io.EOF) || ch.ended != "reset" {
		t.Errorf("%v, ended by %q", err, ch.ended)
	}
}
