package fault_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/internal/apitest"
	"github.com/multiselect/multiselect/internal/streamtest"
	"github.com/multiselect/multiselect/wire"
)

// play is a call with the chunks that its peer sends.
type play struct {
	call   apitest.Call
	chunks []string
	limits multiselect.Limits
	deaf   bool // every Write fails
}

// run makes the call and describes all that came of it.
func (p play) run() string {
	s := streamtest.NewScript(p.chunks...)
	s.FailWrite = func(int, []byte) (int, error, bool) { return 0, syscall.EPIPE, p.deaf }
	var done multiselect.Outcome
	ctx := background
	if len(p.chunks)%2 == 0 { // the others are not traced
		ctx = multiselect.WithTrace(ctx, &multiselect.Trace{Done: func(o multiselect.Outcome) { done = o }})
	}
	err := p.call.Do(ctx, p.limits, s)
	text := fmt.Sprintf("%v, wrote %q, left %q, ended %q", err, s.Written, s.Rest(), s.Ended)
	if e, ok := errors.AsType[*multiselect.Error](err); ok {
		text += fmt.Sprintf(", %v %v %v %q %q %d %d", e.Role, e.Phase, e.Blame(), e.Protocols, e.Received, e.BytesSent, e.BytesReceived)
	}
	return text + fmt.Sprintf(", %q %v %d %d %d %d", done.Protocol, done.WriteErr, done.Proposals, done.Flights, done.BytesSent, done.BytesReceived)
}

// plays returns successes, refusals and failures of every call, which use short and
// long buffers, refuse short and long names, and fail in each phase.
func plays() (all []play) {
	h, na, a, b := wire.HeaderFrame, messages(wire.NA), messages(apitest.NameA), messages(apitest.NameB)
	long := messages("/" + strings.Repeat("l", 300))
	list := string(wire.AppendList(nil, []string{apitest.NameA, "/" + strings.Repeat("m", 500)}))
	for _, call := range apitest.Calls() {
		whole := strings.Join(call.Peer, "")
		for _, chunks := range [][]string{
			{whole},
			call.Peer, streamtest.Bytewise(whole),
			{whole[:len(whole)-1]},
			{whole[:25%len(whole)]},
			{"GET / HTTP/1.1\r\n"},
			{h + "\x00"},
			{h + "\xff\x7f"},
			{h + messages("x\ny") + messages("")},
			{h, na, b},
			{h + na, na},
			{h + messages("/nope") + long + a},
			{h + long, long, messages("/nope")},
			{h, list, na},
			{h + messages(wire.LS) + a},
		} {
			all = append(all, play{call: call, chunks: chunks}, play{call: call, chunks: chunks, deaf: true},
				play{call: call, chunks: chunks, limits: multiselect.Limits{Timeout: multiselect.NoLimit}},
				play{call: call, chunks: chunks, limits: multiselect.Limits{MaxMessage: 40, MaxProposals: 2, MaxBytes: 60}})
		}
	}
	return all
}

// The library uses its Communicators again. Each call has the result that it has
// after any other call: nothing of one stream is left for the next.
func TestReuse(t *testing.T) {
	all := plays()
	want := make([]string, len(all))
	for i, p := range all {
		want[i] = p.run()
	}
	random := rand.New(rand.NewPCG(1, 2))
	before := -1
	for range 20_000 {
		i := random.IntN(len(all))
		if got := all[i].run(); got != want[i] {
			t.Fatalf("%s of %.200q after %s of %.200q:\n%.500s\nwant\n%.500s",
				all[i].call.Name, all[i].chunks, all[max(0, before)].call.Name, all[max(0, before)].chunks, got, want[i])
		}
		before = i
	}
}
