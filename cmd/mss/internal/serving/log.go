package serving

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/multiselect/multiselect/netmux"
	"github.com/multiselect/multiselect/telemetry"

	"github.com/multiselect/multiselect/cmd/mss/internal/attempt"
	"github.com/multiselect/multiselect/cmd/mss/internal/terminal"
	"github.com/multiselect/multiselect/cmd/mss/internal/transport"
)

// Log writes about connections on standard error. The zero value is silent.
//
// Transcripts of concurrent connections are marked as "tail -f" marks files: a
// comment with the peer's address precedes the lines whenever the connection
// changes.
type Log struct {
	Stdio      *terminal.Stdio     // nil for no log
	Verbose    bool                // with all messages
	JSON       bool                // each line is a document; Verbose must be unset
	MaxClients int                 // to show in 10 s; no limit if not positive
	recorder   *telemetry.Recorder // or nil
	oneShot    bool                // the server itself ends a stream after a refusal

	mu       sync.Mutex
	last     *connection // the connection of the last line
	once     sync.Once
	throttle *throttle
}

// allow reports whether one more client may be shown.
func (l *Log) allow() bool {
	l.once.Do(func() { l.throttle = &throttle{max: l.MaxClients, report: l.hidden} })
	return l.throttle.allow()
}

// hidden logs the number of clients that were not shown.
func (l *Log) hidden(n int) {
	text := fmt.Sprintf("%d more clients in %v are not shown, see --log-limit", n, throttleInterval)
	if l.JSON {
		l.tell(terminal.Event{Event: "hidden", Time: stamp(time.Now()), Hidden: n})
	} else {
		l.printf("%s %s", stamp(time.Now()), text)
	}
}

// close logs what a throttle has kept back.
func (l *Log) close() {
	if l.throttle != nil {
		l.throttle.flush()
	}
}

// stamp returns a time as the log shows it.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z07:00") }

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

// failed logs a failure that concerns a client, or the server if c is nil.
func (l *Log) failed(c *connection, protocol, text string) {
	now, label := stamp(time.Now()), ""
	if c != nil {
		label = c.label()
	}
	switch {
	case l.JSON:
		l.tell(terminal.Event{Event: "error", Peer: label, Protocol: protocol, Error: text, Time: now})
	case c == nil:
		l.printf("%s %s", now, text)
	default:
		l.printf("%s %s: %s", now, label, text)
	}
}

// ended logs how a stream ended after its agreement.
func (l *Log) ended(c *connection, r Route, begin traffic, err error) {
	if l.Stdio == nil || !c.entry.isShown() {
		return
	}
	took, read, written := c.since(begin)
	text := l.endOf(r, err)
	if l.JSON {
		if text != "" {
			l.failed(c, r.protocol, text)
		}
		l.tell(terminal.Event{
			Event: "closed", Peer: c.label(), Protocol: r.protocol, Time: stamp(time.Now()),
			Traffic: &terminal.Traffic{Milliseconds: attempt.Milliseconds(took), Received: read, Sent: written},
		})
		return
	}
	amount := fmt.Sprintf("after %v, %d bytes received, %d sent", took.Round(time.Millisecond), read, written)
	if text != "" {
		l.printf("%s %s: %s=%s (%s)", stamp(time.Now()), c.label(), terminal.QuoteName(r.protocol), text, amount)
		return
	}
	fmt.Fprintf(c.entry, "# closed %s\n", amount)
}

// endOf describes the failure of a target, or returns "" if it did not fail.
func (l *Log) endOf(r Route, err error) string {
	limit, limited := errors.AsType[*netmux.LimitError](err)
	switch {
	case limited:
		return r.target.String() + ": " + explainLimit(limit)
	case err == nil, isOurs(err), transport.IsGoodbye(err):
		// The client has closed the connection below the stream with code 0, or this side
		// is stopping.
		return ""
	}
	return r.target.String() + ": " + attempt.DescribeEnd(err)
}

// isOurs reports whether this side has ended a connection because it is stopping.
func isOurs(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, netmux.ErrServerClosed) || errors.Is(err, net.ErrClosed)
}

// linkFailed logs the end of a link, or of a connection before its link.
func (l *Log) linkFailed(c *connection, err error) {
	limit, limited := errors.AsType[*netmux.LimitError](err)
	panicked := errors.As(err, new(*netmux.PanicError))
	if l.Stdio == nil || panicked || isOurs(err) || !l.allow() {
		return
	}
	text := terminal.QuoteName(err.Error()) // QUIC sends the reasons of its peers
	switch {
	case limited:
		text = explainLimit(limit)
	case errors.Is(err, os.ErrDeadlineExceeded):
		text = "timed out before it could open streams"
	}
	l.failed(c, "", text)
}

// cutOff logs which connections had not finished when the server stopped.
func (l *Log) cutOff(running []netmux.Running) {
	const shown = 8
	var parts []string
	for _, r := range running[:min(shown, len(running))] {
		parts = append(parts, fmt.Sprintf("%d of %s from %s", r.Active, terminal.QuoteName(r.Protocol), r.Host))
	}
	if len(running) > shown {
		parts = append(parts, "and others")
	}
	if l.Stdio != nil && len(parts) > 0 {
		l.failed(nil, "", "stopped with connections that had not finished: "+strings.Join(parts, ", "))
	}
}

// logHandler logs the warnings of package netmux, which bounds their number.
type logHandler struct{ log *Log }

func (h logHandler) Enabled(_ context.Context, level slog.Level) bool {
	return h.log.Stdio != nil && level >= slog.LevelWarn
}

func (h logHandler) Handle(_ context.Context, r slog.Record) error {
	var text strings.Builder
	text.WriteString(strings.TrimPrefix(r.Message, "netmux: "))
	r.Attrs(func(a slog.Attr) bool {
		fmt.Fprintf(&text, ", %s %v", a.Key, a.Value)
		return true
	})
	h.log.failed(nil, "", text.String())
	return nil
}

func (h logHandler) WithAttrs([]slog.Attr) slog.Handler { return h }
func (h logHandler) WithGroup(string) slog.Handler      { return h }

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
			l.tell(terminal.Event{Event: "stderr", Peer: c.label(), Protocol: protocol, Line: text, Time: stamp(time.Now())})
		}}
		return w, w.Flush
	}
	return l.Stdio.Err, func() {}
}
