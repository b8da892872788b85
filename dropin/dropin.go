// Package dropin holds the settings of gomultistream, the drop-in for go-multistream.
//
// The exported API of the drop-in is that of go-multistream, which has no settings. Programs set
// them with the package config of the drop-in's module. The path of that module depends on the
// replace line of go.mod; the settings are kept here, where the drop-in finds them under either
// path. A program may use this package instead of config: the import then compiles with and
// without the replace line.
package dropin

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/multiselect/multiselect"
)

// Config is the settings of the drop-in. [Default] returns one; a zero limit is the default of
// [multiselect.Limits].
type Config struct {
	// Limits of a SelectOneOf or SelectProtoOrFail. By default the timeout is a minute, and the
	// number of proposals and their bytes are not limited.
	Initiator multiselect.Limits
	// Limits of a lazy stream: NewMSSelect and NewMultistream. By default the timeout is 10 s.
	Lazy multiselect.Limits
	// Limits of a MultistreamMuxer, which takes them when it negotiates for the first time. By
	// default the timeout is a minute.
	Responder multiselect.Limits

	// HeaderGrace is the time after which a responder sends its header alone to a peer that has
	// sent nothing: some initiators wait for it. Others get it with the first answer. With zero
	// or less the header is sent before anything is read, in a write of its own, as go-multistream
	// does; a MultistreamMuxer decides that when it negotiates for the first time. Default: 20 ms.
	HeaderGrace time.Duration

	// CloseWait is the longest time for which Close of a lazy stream blocks until the peer has
	// answered. Zero or less is no time. Default: 150 ms.
	CloseWait time.Duration

	// Context, if not nil, is called for each negotiation with [context.Background], and returns
	// the context with the values for it: a [multiselect.WithTrace], or the Context method of a
	// recorder of metrics, such as telemetry.Recorder. The end of the context has no effect. The
	// function must be safe for concurrent use and must not block.
	Context func(context.Context) context.Context
}

// Default returns the settings that apply unless [Set] is called. Their limits allow what
// go-multistream allows where its users depend on it.
func Default() Config {
	return Config{
		Initiator: multiselect.Limits{
			Timeout: time.Minute, MaxProposals: multiselect.NoLimit, MaxBytes: multiselect.NoLimit,
		},
		Responder:   multiselect.Limits{Timeout: time.Minute},
		HeaderGrace: 20 * time.Millisecond,
		CloseWait:   150 * time.Millisecond, // longer than most round trips on the Internet
	}
}

var current atomic.Pointer[Config]

func init() { Set(Default()) }

// Set changes the settings of the process, for the negotiations that begin from now on and the
// streams that are closed from now on. It may be called at any time, also concurrently.
func Set(c Config) { current.Store(&c) }

// Current returns the current settings, which must not be changed.
func Current() *Config { return current.Load() }
