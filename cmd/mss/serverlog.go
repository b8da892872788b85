package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/multiselect/multiselect"
)

// serverLog tells standard error about connections. The zero value is silent.
//
// Transcripts of connections that negotiate at the same time are told apart as
// "tail -f" tells files apart: a comment with the peer's address stands before
// the lines whenever another connection speaks.
type serverLog struct {
	stdio   *stdio
	verbose bool
	json    bool

	mu   sync.Mutex
	last *connection // whose lines stand last
}

// entry is the part of the log that is about one negotiation.
type entry struct {
	log    *serverLog
	conn   *connection
	record record
	began  time.Time
}

func (l *serverLog) open(c *connection) *entry {
	return &entry{log: l, conn: c, began: time.Now()}
}

// watch returns the context to negotiate in.
func (e *entry) watch(ctx context.Context) context.Context {
	if e.log.stdio == nil {
		return ctx
	}
	return e.record.watch(ctx, e)
}

// Write shows lines of the transcript.
func (e *entry) Write(lines []byte) (int, error) {
	if e.log.verbose {
		e.log.mu.Lock()
		defer e.log.mu.Unlock()
		w := e.log.stdio.transcriptWriter()
		if e.log.last != e.conn {
			fmt.Fprintf(w, "# %s\n", e.conn.label)
			e.log.last = e.conn
		}
		w.Write(lines)
	}
	return len(lines), nil
}

// close tells how the negotiation ended.
func (e *entry) close(protocol string, err error) {
	l := e.log
	switch {
	case l.stdio == nil:
	case l.json:
		l.mu.Lock()
		defer l.mu.Unlock()
		e.writeJSON(protocol, err)
	case err == nil:
		fmt.Fprintf(e, "# agreed on %s after %v\n", display(protocol), time.Since(e.began).Round(time.Microsecond))
	case errors.Is(err, io.EOF) && !l.verbose, errors.Is(err, context.Canceled):
		// Somebody looked whether the port is open, or this side is stopping.
	default:
		l.printf("%s: %s", e.conn.label, e.explain(err))
	}
}

// explain says in a line why a responder's negotiation failed.
func (e *entry) explain(err error) string {
	failed, ok := errors.AsType[*multiselect.Error](err)
	if !ok {
		return err.Error()
	}
	elapsed := time.Since(e.began).Round(time.Millisecond)
	refused := ""
	if names := refusedIn(e.record.text.Bytes()); len(names) > 0 {
		refused = ", after refusing " + shorten(names)
	}
	said := ""
	if len(failed.Received) > 0 {
		said = " " + quoteReceived(failed)
		if guess := clientLike(received(err)); guess != "" {
			said += " (" + guess + ")"
		}
	}
	switch {
	case errors.Is(err, multiselect.ErrGaveUp):
		return "gave up" + refused
	case failed.Timeout() && failed.Phase == multiselect.PhaseHeader:
		return fmt.Sprintf("cut after %v: its header had not arrived%s", elapsed, said)
	case failed.Timeout():
		return fmt.Sprintf("cut after %v: no protocol was agreed on%s%s", elapsed, refused, said)
	case errors.Is(err, multiselect.ErrNotMultistream):
		return "does not speak multistream-select: it sent" + said
	case exitCode(err) == exitClosed:
		return lastWords(failed.Err) + refused + said
	case said != "":
		return fmt.Sprintf("cut: %v: it sent%s%s", failed.Err, said, refused)
	}
	return fmt.Sprintf("cut: %v%s", failed.Err, refused)
}

// broken tells that a target failed.
func (l *serverLog) broken(c *connection, r route, err error) {
	if l.stdio == nil || errors.Is(err, context.Canceled) || errors.Is(err, net.ErrClosed) {
		return // nobody listens, or it is this side that has cut it
	}
	l.printf("%s: %s: %s", c.label, r, lastWords(err))
}

func (l *serverLog) notAccepted(err error) {
	if l.stdio != nil {
		l.printf("cannot accept connections now: %v", cause(err))
	}
}

func (l *serverLog) printf(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last = nil
	l.stdio.printError(fmt.Sprintf(format, args...))
}

// stderr returns where commands write their errors.
func (l *serverLog) stderr() io.Writer {
	if l.stdio == nil {
		return io.Discard
	}
	return l.stdio.err
}
