package multiselect_test

import (
	"context"
	"io"
	"testing"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/internal/apitest"
	"github.com/multiselect/multiselect/internal/streamtest"
)

// The names under which rendezvous_test.go and forms_test.go know functions of
// internal/streamtest and internal/apitest. The file goes when they use those.

func serving(t testing.TB, names ...string) *multiselect.Muxer { return apitest.Muxer(t, names...) }

func noHandler(ctx context.Context, protocol string, stream io.ReadWriteCloser) {
	apitest.NoHandler(ctx, protocol, stream)
}

func mustWrite(t testing.TB, w io.Writer, p string) {
	t.Helper()
	streamtest.MustWrite(t, w, p)
}

func mustRead(t testing.TB, r io.Reader, want string) {
	t.Helper()
	streamtest.MustRead(t, r, want)
}
