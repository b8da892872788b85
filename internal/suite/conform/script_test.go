package conform_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/multiselect/multiselect/conform"
)

// hangUpCases are those whose task is to end a direction, and which answer.
var hangUpCases = []string{"R31-half", "R31-close", "R31-close-refused"}

// initiated plays cases in fake time against an initiator. A tester that is late reads
// the bytes together with the end of the stream.
func initiated(t *testing.T, initiate func(context.Context, io.ReadWriteCloser, conform.Task) error, isLate bool, ids ...string) (report *conform.Report) {
	synctest.Test(t, func(t *testing.T) {
		i := conform.PipeInitiator(func() (a, b io.ReadWriteCloser, err error) {
			x, y := newMemory()
			if isLate {
				return x, late{y}, nil
			}
			return x, y, nil
		}, initiate)
		if accept := i.Accept; isLate {
			i.Accept = func(ctx context.Context) (io.ReadWriteCloser, error) {
				s, err := accept(ctx)
				synctest.Wait() // the initiator has said, and ended, all that it can
				return s, err
			}
		}
		o := fake
		o.IDs = ids
		var err error
		if report, err = conform.RunInitiator(t.Context(), i, o); err != nil {
			t.Error(err)
		}
		time.Sleep(24 * time.Hour)
	})
	return report
}

// late is the tester's end of a stream on which the last bytes come with the end.
type late struct{ *memory }

func (l late) Read(p []byte) (int, error) {
	n, err := l.memory.Read(p)
	if err == nil && l.AtEOF() {
		err = io.EOF
	}
	return n, err
}

// sent returns how many bytes the tester sent.
func sent(r conform.Result) (n int) {
	for _, e := range r.Events {
		if e.From != r.Case.Role && e.Kind == conform.EventData {
			n += len(e.Data)
		}
	}
	return n
}

// An end that the task asks for does not keep the answer back, whether the tester
// has read the request by then or not.
func TestAnswerBehindTheEnd(t *testing.T) {
	for _, isLate := range []bool{false, true} {
		for _, r := range initiated(t, rightInitiator().initiate, isLate, hangUpCases...).Results {
			if r.Verdict != conform.VerdictPass || sent(r) == 0 {
				t.Errorf("late=%v: %s: %v, %d bytes were sent: %s", isLate, r.Case.ID, r.Verdict, sent(r), r.Reason)
			}
		}
	}
}

// Any other end is the end of the script, and nothing is waited for.
func TestScriptEnds(t *testing.T) {
	ends := func(_ context.Context, s io.ReadWriteCloser, _ conform.Task) error {
		s.Close()
		return errors.New("it does not want to")
	}
	for _, r := range initiated(t, ends, true, append(hangUpCases, "R14-other", "R30-refused")...).Results {
		if r.Duration > 0 {
			t.Errorf("%s takes %v", r.Case.ID, r.Duration)
		}
		if !slices.Contains(hangUpCases, r.Case.ID) && sent(r) > 0 {
			t.Errorf("%s continues after the end", r.Case.ID)
		}
	}
}

// So is what is in no legal outcome.
func TestScriptEndsAtNonsense(t *testing.T) {
	nonsense := func(_ context.Context, s io.ReadWriteCloser, _ conform.Task) error {
		io.WriteString(s, "GET / HTTP/1.1\r\n\r\n")
		io.Copy(io.Discard, s)
		return s.Close()
	}
	for _, r := range initiated(t, nonsense, false, append(hangUpCases, "R14-other")...).Results {
		if r.Verdict != conform.VerdictFail || r.Duration > 0 || sent(r) > 0 {
			t.Errorf("%s: %v after %v, %d bytes were sent", r.Case.ID, r.Verdict, r.Duration, sent(r))
		}
	}
}

// When the time of a case has expired the tester does no more: an action of it, a
// reset say, must not be taken for what the party does.
func TestScriptEndsWithTheTime(t *testing.T) {
	var report *conform.Report
	var resets atomic.Int32
	synctest.Test(t, func(t *testing.T) {
		mute := conform.Responder{Protocols: served, Dial: func(context.Context) (io.ReadWriteCloser, error) {
			ours, theirs := newMemory()
			go func() {
				io.Copy(io.Discard, ours)
				ours.Close()
			}()
			return resetCounter{theirs, &resets}, nil
		}}
		o := fake
		o.IDs = []string{"R25-reset-header", "R25-reset-proposal"}
		var err error
		if report, err = conform.RunResponder(t.Context(), mute, o); err != nil {
			t.Error(err)
		}
	})
	for _, r := range report.Results {
		if r.Verdict != conform.VerdictFail {
			t.Errorf("%s: %v, by a silent party", r.Case.ID, r.Verdict)
		}
	}
	if n := resets.Load(); n > 0 {
		t.Errorf("the tester resets %d streams whose time has expired", n)
	}
}

type resetCounter struct {
	*memory
	resets *atomic.Int32
}

func (c resetCounter) Reset() error {
	c.resets.Add(1)
	return c.memory.Reset()
}
