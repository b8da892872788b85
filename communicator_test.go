package multiselect_test

import (
	"context"
	"io"
	"testing"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/internal/apitest"
	"github.com/multiselect/multiselect/internal/streamtest"
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
