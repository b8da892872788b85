package streamtest

import (
	"runtime"
	"testing"
	"time"
)

// Patience is how long tests wait for events that a right program always brings about. A
// test that has waited for it fails: the event does not happen. It is long enough for a
// machine that does much else, and shorter than the time limit of go test.
const Patience = 2 * time.Minute

// Await calls f until it returns true, and fails the test after Patience.
func Await(t testing.TB, event string, f func() bool) {
	t.Helper()
	for until := time.Now().Add(Patience); !f(); runtime.Gosched() {
		if time.Now().After(until) {
			t.Fatalf("%s has not happened in %v", event, Patience)
		}
	}
}
