package serving

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/telemetry"

	"github.com/multiselect/multiselect/cmd/mss/internal/attempt"
	"github.com/multiselect/multiselect/cmd/mss/internal/exit"
	"github.com/multiselect/multiselect/cmd/mss/internal/terminal"
	"github.com/multiselect/multiselect/cmd/mss/internal/transport"
)

// Log writes about connections on standard error. The zero value is silent.
//
// Transcripts of concurrent connections are marked as "tail -f" marks files: a
// comment with the peer's address precedes the lines whenever the connection
// changes.
type Log struct {
	Stdio    *terminal.Stdio     // nil for no log
	Verbose  bool                // with all messages
	JSON     bool                // each line is a document; Verbose must be unset
	recorder *telemetry.Recorder // or nil
	OneShot  bool                // the server itself ends a stream after a refusal

	mu   sync.Mutex
	last *connection // the connection of the last line
}

// entry is the part of the log that is about one negotiation.
type entry struct {
	log    *Log
	conn   *connection
	record attempt.Record
	began  time.Time
	step   string // security, muxer, or "" if a stream's protocol is negotiated
	level  int
}

func (l *Log) open(c *connection) *entry {
	return &entry{log: l, conn: c, began: time.Now()}
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
	if e.log.Verbose {
		e.log.mu.Lock()
		defer e.log.mu.Unlock()
		w := terminal.Indent(e.log.Stdio.TranscriptWriter(), e.level)
		if e.log.last != e.conn {
			fmt.Fprintf(w, "# %s%s\n", e.prefix(), e.conn.label)
			e.log.last = e.conn
		}
		w.Write(lines)
	}
	return len(lines), nil
}

// close logs how the negotiation ended.
func (e *entry) close(protocol string, err error) {
	l := e.log
	switch {
	case l.Stdio == nil:
	case l.JSON:
		l.tell(e.report(protocol, err))
	case err == nil:
		fmt.Fprintf(e, "# agreed on %s after %v\n", terminal.QuoteName(protocol), time.Since(e.began).Round(time.Microsecond))
	case e.leftAfterList(err):
		fmt.Fprintf(e, "# left after ls%s\n", afterRefusing(err))
	case errors.Is(err, io.EOF) && !l.Verbose, errors.Is(err, context.Canceled):
		// A client only tested the port, or this side is stopping.
	default:
		l.printf("%s: %s%s", e.conn.label, e.prefix(), e.explain(err))
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
	case errors.Is(err, multiselect.ErrGaveUp) && e.log.OneShot:
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

// started logs the certificate that clients may pin, and the URL of the metrics.
func (l *Log) started(print string, page *MetricsPage) {
	show := func(e terminal.Event, text string) {
		if l.JSON {
			l.tell(e)
		} else {
			fmt.Fprintf(l.Stdio.Err, "%s %s\n", e.Event, text)
		}
	}
	if print != "" {
		show(terminal.Event{Event: "certificate", Fingerprint: print}, print)
	}
	if page != nil {
		show(terminal.Event{Event: "metrics", URL: page.url}, page.url)
	}
}

// broken logs the failure of a target.
func (l *Log) broken(c *connection, r Route, err error) {
	switch {
	case l.Stdio == nil, errors.Is(err, context.Canceled), errors.Is(err, net.ErrClosed), transport.IsGoodbye(err):
		// There is no log, or this side has ended the connection, or the client has
		// closed the connection below the stream with code 0.
	case l.JSON:
		l.tell(terminal.Event{Event: "error", Peer: c.label, Protocol: r.protocol, Error: r.target.String() + ": " + attempt.DescribeEnd(err)})
	default:
		l.printf("%s: %s: %s", c.label, r, attempt.DescribeEnd(err))
	}
}

func (l *Log) notAccepted(err error) {
	text := fmt.Sprintf("cannot accept connections now: %v", transport.Cause(err))
	switch {
	case l.Stdio == nil:
	case l.JSON:
		l.tell(terminal.Event{Event: "error", Error: text})
	default:
		l.printf("%s", text)
	}
}

// tell logs a document as one line.
func (l *Log) tell(document any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.Stdio.PrintLine(document)
}

func (l *Log) printf(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last = nil
	l.Stdio.PrintError(fmt.Sprintf(format, args...))
}

// stderr returns the standard error of a command, and a function to be called when
// it has ended.
func (l *Log) stderr(c *connection, protocol string) (w io.Writer, end func()) {
	switch {
	case l.Stdio == nil:
		return io.Discard, func() {}
	case l.JSON:
		w := &terminal.LineWriter{Line: func(text string) {
			l.tell(terminal.Event{Event: "stderr", Peer: c.label, Protocol: protocol, Line: text})
		}}
		return w, w.Flush
	}
	return l.Stdio.Err, func() {}
}
