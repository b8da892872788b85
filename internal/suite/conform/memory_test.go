package conform_test

import "github.com/multiselect/multiselect/internal/streamtest"

// memory is one end of a stream in memory, for tests in fake time.
type memory = streamtest.Stream

// newMemory returns both ends. A Read returns the bytes of one Write, so that the
// suite sees how a party cuts its messages.
func newMemory() (a, b *memory) { return streamtest.Config{Chunks: true}.Pipe() }
