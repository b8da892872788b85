package conform

import (
	"context"
	"io"
	"time"

	"github.com/multiselect/multiselect/wire"
)

// Responder is a responder under test.
type Responder struct {
	// Dial opens a new stream to it: any stream, best one that has CloseWrite.
	Dial func(ctx context.Context) (io.ReadWriteCloser, error)
	// Protocols are names that it serves as echo. The first is A of the scripts.
	// The others make more cases fit: B is the second one, Raw the first without a
	// slash at the front, Nine the first of nine bytes, Long the first of 127 bytes
	// or more.
	Protocols []string
	// Budget is the time after which it ends a negotiation. If zero, it states
	// none, and the cases about it are skipped.
	Budget time.Duration
}

// RunResponder plays the selected cases, one after the other. The error is about
// the options; whatever goes wrong in a case is in its result. When ctx ends, the
// cases that are left are skipped.
func RunResponder(ctx context.Context, r Responder, o Options) (*Report, error) {
	return run(ctx, wire.Responder, &o, r.play)
}
