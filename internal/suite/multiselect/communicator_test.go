package multiselect_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/internal/apitest"
	"github.com/multiselect/multiselect/internal/streamtest"
	"github.com/multiselect/multiselect/wire"
)

// boastful counts more bytes than it was given, like a stream that counts what it
// makes of them.
type boastful struct{ io.ReadWriteCloser }

func (b boastful) Write(p []byte) (int, error) {
	n, err := b.ReadWriteCloser.Write(p)
	return n + 5, err
}

// A Write that returns a larger count has written everything.
func TestBoastfulWrite(t *testing.T) {
	a, b := streamtest.Pipe()
	go apitest.Muxer(t, apitest.NameB).ServeStream(t.Context(), streamtest.Bare(b))
	if got, err := new(multiselect.Client).SelectOneOf(context.Background(), boastful{a}, apitest.NameA, apitest.NameB); got != apitest.NameB || err != nil {
		t.Errorf("SelectOneOf = %q, %v", got, err)
	}
}

// Read fails with io.ErrNoProgress after 100 times nothing without an error, as that
// of a bufio.Reader does. Fewer are no failure, and a byte begins the count anew.
func TestEmptyReads(t *testing.T) {
	calls := append(apitest.Calls(), apitest.Call{
		Name: "Lazy", Role: multiselect.Initiator, Peer: []string{say(wire.Header), say(apitest.NameA)},
		Do: func(ctx context.Context, l multiselect.Limits, stream io.ReadWriteCloser) error {
			lazy, err := (&multiselect.Client{Limits: l}).Lazy(ctx, stream, apitest.NameA)
			if err != nil {
				return err
			}
			return lazy.Wait(ctx)
		},
	})
	for _, call := range calls {
		for _, limits := range []multiselect.Limits{{}, {MaxMessage: 1000}} { // fast path or not
			nothing := streamtest.NewScript()
			nothing.FailRead = func(int, []byte) (int, error, bool) { return 0, nil, true }
			if err := call.Do(context.Background(), limits, nothing); !errors.Is(err, io.ErrNoProgress) || nothing.Reads != 100 {
				t.Errorf("%s: %v after %d empty reads, want 100", call.Name, err, nothing.Reads)
			}
			slow := streamtest.NewScript(streamtest.Bytewise(strings.Join(call.Peer, ""))...)
			slow.FailRead = func(n int, _ []byte) (int, error, bool) { return 0, nil, n%100 != 99 }
			if err := call.Do(context.Background(), limits, slow); err != nil {
				t.Errorf("%s: %v after 99 empty reads before each byte", call.Name, err)
			}
		}
	}
}
