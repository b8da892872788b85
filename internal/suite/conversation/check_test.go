package conversation_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/transcript"
	"github.com/multiselect/multiselect/wire"
)

// check compares the result of a play with the case.
func (x *exchange) check(received string) {
	x.t.Helper()
	if x.fails != nil {
		x.checkFailure(received)
		return
	}
	read := x.payload
	switch want := x.all(); {
	case x.err != nil:
		x.errorf("failed: %v", x.err)
	case x.got != x.agreed || x.served != x.agreed:
		x.errorf("agreed on %q, served %q, want %q", x.got, x.served, x.agreed)
	case x.appRead != read:
		x.errorf("the application read %.200q, want %.200q", x.appRead, read)
	case received != want:
		x.errorf("the peer received %.200q, want %.200q", received, want)
	case strings.Count(x.wanted(), wire.HeaderFrame) != 1:
		x.errorf("the case wants a second header")
	}
	x.checkList()
}

func (x *exchange) checkFailure(received string) {
	x.t.Helper()
	// How much the library reads in one go is known only where the tester writes single
	// bytes and the library reads each before the next.
	exact := x.pace.name == byteByByte.name
	if err := x.checkError(x.err, exact); err != nil {
		x.errorf("%v", err)
		return
	}
	isLazy := strings.HasPrefix(x.usage.name, "Lazy")
	switch e, _ := errors.AsType[*multiselect.Error](x.err); {
	case x.got != "" && !isLazy || x.served != "" && !isLazy:
		x.errorf("agreed on %q, served %q, and failed: %v", x.got, x.served, x.err)
	case !strings.HasPrefix(x.wanted(), received) || !strings.HasPrefix(x.Mode, "lazy") && !areMessages(received):
		x.errorf("the peer received %.200q, want %.200q or whole messages of it", received, x.wanted())
	case !x.via.Buffered && !isLazy && e.BytesSent != len(received):
		x.errorf("BytesSent = %d, the peer received %d", e.BytesSent, len(received))
	case x.tap != nil && !x.has("reset") && e.BytesReceived != x.tap.Taken():
		x.errorf("BytesReceived = %d, the library read %d", e.BytesReceived, x.tap.Taken())
	case x.tap != nil && !slices.Equal(x.tap.Ended(), []string{x.ending}):
		x.errorf("the stream was ended by %q, want %q", x.tap.Ended(), x.ending)
	}
	x.checkList()
}

// checkError compares an error with the failure of the case.
func (x *exchange) checkError(err error, exact bool) error {
	want := x.fails
	e, ok := errors.AsType[*multiselect.Error](err)
	if !ok {
		return fmt.Errorf("the error is %v of type %T, want an *Error", err, err)
	}
	if x.has("reset") && x.tap == nil && x.via.Buffered {
		return x.checkCause(e) // the reset overtakes bytes that the tester sent before
	}
	received := string(e.Received)
	if !exact && strings.HasPrefix(received, want.received) && (want.received != "" || want.cause == multiselect.ErrLimit) {
		received = want.received
	}
	switch proposed := x.proposedInCall(); {
	case e.Phase != want.phase:
		return fmt.Errorf("%v: phase %v, want %v", err, e.Phase, want.phase)
	case received != want.received:
		return fmt.Errorf("%v: Received %q, want %q", err, e.Received, want.received)
	case x.Role == multiselect.Initiator && !slices.Equal(e.Protocols, proposed):
		return fmt.Errorf("%v: Protocols %q, want %q", err, e.Protocols, proposed)
	}
	return x.checkCause(e)
}

func (x *exchange) checkCause(e *multiselect.Error) error {
	switch want := x.fails; {
	case !errors.Is(e, want.cause):
		return fmt.Errorf("the cause is %v, want %v", e, want.cause)
	case e.Role != x.Role:
		return fmt.Errorf("%v: in the role of the %v", e, e.Role)
	case e.Blame() != want.blame:
		return fmt.Errorf("%v: the blame is on: %v, want %v", e, e.Blame(), want.blame)
	case e.Timeout() != (want.blame == multiselect.BlameSlowPeer):
		return fmt.Errorf("%v: Timeout = %v", e, e.Timeout())
	case strings.ContainsFunc(e.Error(), func(r rune) bool { return !unicode.IsPrint(r) }):
		return fmt.Errorf("%q holds bytes of the peer as they came", e.Error())
	}
	return nil
}

// proposedInCall returns the names that the failed call had proposed.
func (x *exchange) proposedInCall() []string {
	names := x.proposed()
	if x.extra.proposed != nil {
		names = x.extra.proposed
	}
	switch {
	case x.isLocal() || x.usage.waitsForHeader && x.fails.phase == multiselect.PhaseHeader:
		return nil
	case x.usage.isStepwise && x.fails.cause == multiselect.ErrNotSupported:
		return names[len(names)-1:]
	case x.usage.isStepwise:
		return names[min(x.refused, len(names)):]
	}
	return names
}

func areMessages(b string) bool {
	for _, l := range transcript.Transcribe(multiselect.Initiator, []byte(b), wire.MaxList) {
		if l.Kind == transcript.KindRaw {
			return false
		}
	}
	return true
}

// checkUntouched checks that the library left the stream as it was.
func (x *exchange) checkUntouched() {
	if x.tap != nil && len(x.tap.Ended())+x.tap.Deadlines() > 0 {
		x.errorf("the stream was touched: ended %q, %d deadlines set", x.tap.Ended(), x.tap.Deadlines())
	}
}

func (x *exchange) checkList() {
	if x.extra.names == nil && x.list.Names == nil {
		return
	}
	if strings.Join(x.list.Names, "\n") != strings.Join(x.extra.names, "\n") || x.list.Dialect != x.extra.dialect {
		x.errorf("the list is %q in the %v form, want %q in the %v form", x.list.Names, x.list.Dialect, x.extra.names, x.extra.dialect)
	}
}
