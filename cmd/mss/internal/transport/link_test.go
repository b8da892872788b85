package transport

import (
	"context"
	"testing"
	"time"

	"github.com/multiselect/multiselect/cmd/mss/internal/address"
	"github.com/multiselect/multiselect/cmd/mss/internal/exit"
)

// An address that swallows connections costs --timeout, and is a timeout.
func TestConnectTimeout(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
	defer cancel()
	_, err := Dial(ctx, address.Address{Where: "127.0.0.1:1"})
	if exit.Code(err) != exit.Timeout {
		t.Errorf("got %v, code %d", err, exit.Code(err))
	}
}
