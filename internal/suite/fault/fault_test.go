// Package fault_test plays negotiations on streams that fail, with contexts that
// end, in crowds, and while tables change.
package fault_test

import (
	"context"

	"github.com/multiselect/multiselect/internal/streamtest"
)

var background = context.Background()

// messages is short for the most frequent call of this package.
var messages = streamtest.Messages
