package conform

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/multiselect/multiselect/wire"
)

// Initiator is an initiator under test. [Streams] and [Command] make one.
type Initiator struct {
	// Run is one initiator: it opens a stream to the tester, does the task, and
	// returns when that is done. It is called once for each case, in a goroutine
	// of its own. It returns nil if a protocol was agreed, an error that wraps
	// [ErrRefused] if all were refused, one that wraps [errors.ErrUnsupported] if
	// it cannot do what the task asks for, and any other error if the negotiation
	// failed. When ctx ends it has to return.
	Run func(ctx context.Context, task Task) error
	// Accept returns the stream that Run opens. It is called beside Run. When ctx
	// ends it has to return.
	Accept func(ctx context.Context) (io.ReadWriteCloser, error)
	// Protocols are the names that it proposes whatever the task says, in this
	// order. If nil, it proposes what it is told to.
	Protocols []string
}

// ErrRefused says that the responder refused all that was proposed.
var ErrRefused = errors.New("conform: all protocols were refused")

// Task is what an initiator has to do in a case.
type Task struct {
	// Case is the id of the case, for logs.
	Case string
	// Mode is one of these. In all of them the initiator is an echo after the
	// agreement: it writes back what it reads, and when reading ends it ends the
	// stream.
	//
	//	select      proposes Protocols in order until one is accepted
	//	ls          asks for the list and then proposes, on the same stream, its last
	//	            name; or Protocols, if there is no name in it or it is refused
	//	lazy        proposes Protocols[0] and sends "early" with it at once
	//	lazy-read   proposes Protocols[0] and reads at once
	//	lazy-close  writes "early", and then closes the stream as a whole
	//	lazy-half   writes "early", ends its direction, and reads to the end
	Mode string
	// Protocols are what it proposes.
	Protocols []string
	// Timeout is when it gives up.
	Timeout time.Duration
}

// RunInitiator plays the selected cases, one after the other. The error is about
// the options; whatever goes wrong in a case is in its result. When ctx ends, the
// cases that are left are skipped.
func RunInitiator(ctx context.Context, i Initiator, o Options) (*Report, error) {
	return run(ctx, wire.Initiator, &o, i.play)
}
