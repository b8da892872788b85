package serving

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/netmux"

	"github.com/multiselect/multiselect/cmd/mss/internal/attempt"
	"github.com/multiselect/multiselect/cmd/mss/internal/exit"
	"github.com/multiselect/multiselect/cmd/mss/internal/terminal"
	"github.com/multiselect/multiselect/cmd/mss/internal/transport"
)

// entry is the part of the log that is about one negotiation, and the stream after it. Its
// methods are not called concurrently.
type entry struct {
	log    *Log
	conn   *connection
	record attempt.Record
	began  time.Time
	step   string // security, muxer, or "" if a stream's protocol is negotiated
	closed bool   // the negotiation
	asked  bool   // the throttle
	shown  bool
}

func (l *Log) open(c *connection, step string) *entry {
	return &entry{log: l, conn: c, began: time.Now(), step: step}
}

// isShown reports whether the log shows this client. It asks the throttle once.
func (e *entry) isShown() bool {
	if !e.asked {
		e.asked, e.shown = true, e.log.allow()
	}
	return e.shown
}

// watch returns the context to negotiate in.
func (e *entry) watch(ctx context.Context) context.Context {
	if e.log.Stdio == nil {
		return ctx
	}
	if e.log.recorder != nil {
		ctx = e.log.recorder.Context(ctx)
	}
	return e.record.Watch(ctx, e)
}

// Write shows lines of the transcript.
func (e *entry) Write(lines []byte) (int, error) {
	if e.log.Verbose && e.isShown() {
		e.log.mu.Lock()
		defer e.log.mu.Unlock()
		level := 0
		if e.step == transport.StepMuxer { // inside security
			level = 1
		}
		w := terminal.Indent(e.log.Stdio.TranscriptWriter(), level)
		if e.log.last != e.conn {
			fmt.Fprintf(w, "# %s%s, %s\n", e.prefix(), e.conn.label(), stamp(time.Now()))
			e.log.last = e.conn
		}
		w.Write(lines)
	}
	return len(lines), nil
}

// close logs how the negotiation ended, once.
func (e *entry) close(protocol string, err error) {
	l := e.log
	if e.closed || l.Stdio == nil {
		return
	}
	e.closed = true
	switch {
	case l.JSON:
		if e.isShown() {
			l.tell(e.report(protocol, err))
		}
	case err == nil:
		fmt.Fprintf(e, "# agreed on %s after %v\n", terminal.QuoteName(protocol), time.Since(e.began).Round(time.Microsecond))
	case e.leftAfterList(err):
		fmt.Fprintf(e, "# left after ls%s\n", afterRefusing(err))
	case errors.Is(err, io.EOF) && !l.Verbose, isOurs(err):
		// A client only tested the port, or this side is stopping.
	default:
		if e.isShown() {
			l.printf("%s %s: %s%s", stamp(time.Now()), e.conn.label(), e.prefix(), e.explain(err))
		}
	}
}

func (e *entry) prefix() string {
	if e.step == "" {
		return ""
	}
	return e.step + ": "
}

// explain returns a line that describes why a responder's negotiation failed.
func (e *entry) explain(err error) string {
	if limit, ok := errors.AsType[*netmux.LimitError](err); ok {
		return explainLimit(limit)
	}
	failed, ok := errors.AsType[*multiselect.Error](err)
	if !ok {
		return err.Error()
	}
	elapsed := time.Since(e.began).Round(time.Millisecond)
	refused := afterRefusing(err)
	sent, had := "", ""
	if len(failed.Received) > 0 {
		sent = " " + attempt.QuoteReceived(failed)
		if guess := clientLike(failed); guess != "" {
			sent += " (" + guess + ")"
		}
		had = ": it had sent" + sent
	}
	switch {
	case errors.Is(err, multiselect.ErrGaveUp) && e.log.oneShot:
		return "ended" + refused
	case errors.Is(err, multiselect.ErrGaveUp):
		return "gave up" + refused
	case failed.Timeout() && failed.Phase == multiselect.PhaseHeader:
		return fmt.Sprintf("timed out after %v: its header had not arrived%s", elapsed, had)
	case failed.Timeout():
		return fmt.Sprintf("timed out after %v: no protocol was agreed on%s%s", elapsed, refused, had)
	case errors.Is(err, multiselect.ErrNotMultistream):
		return "does not speak multistream-select: it sent" + sent
	case exit.Code(err) == exit.Closed:
		return clientsEnd(failed) + refused + had
	case sent != "":
		return fmt.Sprintf("ended: %v: it sent%s%s", failed.Err, sent, refused)
	}
	return fmt.Sprintf("ended: %v%s", failed.Err, refused)
}

// afterRefusing lists the protocols that were refused before the end, if any.
func afterRefusing(err error) string {
	failed, ok := errors.AsType[*multiselect.Error](err)
	if !ok || len(failed.Protocols) == 0 {
		return ""
	}
	return ", after refusing " + terminal.SummarizeNames(failed.Protocols, "")
}

// clientsEnd describes how a client ended the stream while the responder waited
// for it.
func clientsEnd(failed *multiselect.Error) string {
	switch {
	case !errors.Is(failed, io.ErrUnexpectedEOF):
		return attempt.DescribeEnd(failed.Err)
	case failed.Phase == multiselect.PhaseHeader:
		return "it hung up before its header had arrived"
	case len(failed.Received) > 0:
		return "it hung up in the middle of a message"
	}
	return "it hung up before it proposed a protocol"
}
