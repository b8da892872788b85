// Package fuzz_test compares both roles with a second implementation of the
// protocol, on any bytes in pieces of any size.
package fuzz_test

import "github.com/multiselect/multiselect/internal/streamtest"

// messages is short for the most frequent call of this package.
var messages = streamtest.Messages
