package multiselect_test

import "github.com/multiselect/multiselect/internal/streamtest"

// say is short for the most frequent call of these tests.
func say(texts ...string) string { return streamtest.Messages(texts...) }
