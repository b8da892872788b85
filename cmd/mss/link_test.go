package main

import (
	"context"
	"testing"
	"time"
)

// An address that swallows connections costs --timeout, and is a timeout.
func TestConnectTimeout(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
	defer cancel()
	_, err := dialAddress(ctx, address{where: "127.0.0.1:1"})
	if exitCode(err) != exitTimeout {
		t.Errorf("got %v, code %d", err, exitCode(err))
	}
}
