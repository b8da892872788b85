package netmux_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/multiselect/multiselect/netmux"
)

// logged collects the lines of a logger as JSON.
type logged struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.Write(p)
}

// lines returns the lines with a message.
func (l *logged) lines(t *testing.T, message string) (lines []map[string]any) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range bytes.Lines(l.all.Bytes()) {
		var parsed map[string]any
		if err := json.Unmarshal(line, &parsed); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		if parsed["msg"] == message {
			lines = append(lines, parsed)
		}
	}
	return lines
}

func (l *logged) logger(level slog.Level) *slog.Logger {
	return slog.New(slog.NewJSONHandler(l, &slog.HandlerOptions{Level: level}))
}

// Peers cannot cause a line of the log each, at level warn or above: one of a kind is logged in an
// interval, and counts the others. ConnError and Stats receive all.
func TestWarningsAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log logged
		var errs errorLog
		s := &netmux.Server{Backlog: 1, Logger: log.logger(slog.LevelWarn), ConnError: errs.hook}
		listen(t, s, deep)
		if err := s.Muxer.AddHandler("/panic", func(context.Context, string, io.ReadWriteCloser) { panic("ouch") }); err != nil {
			t.Fatal(err)
		}
		l, stop := serve(t, s)
		for range 2 {
			for range 100 {
				for _, p := range []string{deep, "/panic"} {
					if conn, err := l.dialer(p).DialContext(background, "", ""); err == nil {
						conn.Close()
					}
				}
			}
			time.Sleep(time.Minute)
		}
		for message, want := range map[string]struct{ first, second float64 }{
			"netmux: panic":            {0, 99},
			"netmux: connection reset": {0, 98}, // of the first 100, one is in the queue
		} {
			lines := log.lines(t, message)
			if len(lines) != 2 || lines[0]["suppressed"] != want.first || lines[1]["suppressed"] != want.second || lines[0]["remote"] != "pipe" {
				t.Errorf("%s: logged %v", message, lines)
			}
		}
		if st := s.Stats(); st.Panics != 200 || st.Dropped != 199 || len(errs.list()) != 399 {
			t.Errorf("%+v, %d errors", st, len(errs.list()))
		}
		s.Close()
		stop()
	})
}

// Recover logs one of many panics.
func TestRecoverIsCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log logged
		h := netmux.Recover(log.logger(slog.LevelInfo))(func(context.Context, string, io.ReadWriteCloser) { panic("ouch") })
		for range 2 {
			for range 10 {
				ours, _ := net.Pipe()
				h(background, echo, ours)
			}
			time.Sleep(time.Minute)
		}
		if lines := log.lines(t, "netmux: panic"); len(lines) != 2 || lines[1]["suppressed"] != 9.0 {
			t.Errorf("logged %v", lines)
		}
	})
}

// Logs are structured: an address is a text, an error of a negotiation is a group of words.
func TestLogsAreStructured(t *testing.T) {
	var log logged
	s := &netmux.Server{Logger: log.logger(slog.LevelDebug)}
	s.Middleware = append(s.Middleware, netmux.Logging(s.Logger))
	echoing(t, s, echo)
	addr := serveTCP(t, s)
	conn := dial(t, &netmux.Dialer{Protocols: []string{echo}}, addr)
	local := conn.LocalAddr().String()
	conn.Close()
	(&netmux.Dialer{Protocols: []string{"/x"}}).DialContext(background, "tcp", addr)
	if err := s.Shutdown(background); err != nil {
		t.Error(err)
	}
	returned, failed := log.lines(t, "netmux: handler returned"), log.lines(t, "netmux: no protocol agreed on")
	if len(returned) != 1 || returned[0]["remote"] != local || returned[0]["protocol"] != echo {
		t.Errorf("logged %v", returned)
	}
	if len(failed) != 1 {
		t.Fatalf("logged %v", failed)
	}
	e, _ := failed[0]["err"].(map[string]any)
	if _, ok := failed[0]["remote"].(string); !ok || e["role"] != "responder" || e["phase"] != "proposal" || e["blame"] != "none" || fmt.Sprint(e["protocols"]) != "[/x]" {
		t.Errorf("logged %v", failed)
	}
}

// The error of a Shutdown names the protocols and hosts that remain.
func TestShutdownError(t *testing.T) {
	s := &netmux.Server{Logger: quiet}
	release := make(chan struct{})
	for _, p := range []string{"/long", "/longer"} {
		handle(t, s, p, func(net.Conn) { <-release })
	}
	inner := listen(t, s, deep)
	addr := serveTCP(t, s)
	for _, p := range []string{"/long", "/long", "/longer", deep} {
		conn := dial(t, &netmux.Dialer{Protocols: []string{p}}, addr)
		defer conn.Close()
	}
	for st := s.Stats(); st.Agreed < 4 || st.Active != 3 || st.Queued != 1; st = s.Stats() {
		runtime.Gosched()
	}
	why := errors.New("in a hurry")
	ctx, cancel := context.WithCancelCause(background)
	cancel(why)
	err := s.Shutdown(ctx)
	failed, ok := errors.AsType[*netmux.ShutdownError](err)
	if !ok || !errors.Is(err, context.Canceled) || !errors.Is(err, why) {
		t.Fatalf("Shutdown = %v", err)
	}
	want := `[{/long 127.0.0.1 2 0} {/deep/1.0.0 127.0.0.1 0 1} {/longer 127.0.0.1 1 0}]`
	if got := fmt.Sprint(failed.Running); got != want {
		t.Errorf("Running = %s, want %s", got, want)
	}
	if text := err.Error(); !strings.HasPrefix(text, `netmux: context canceled: in a hurry: 4 connections remain: "/long" from "127.0.0.1" (2 active, 0 queued), `) {
		t.Error(text)
	}
	many := &netmux.ShutdownError{Running: make([]netmux.Running, 20), Err: why}
	if text := many.Error(); !strings.HasSuffix(text, ", and 12 more kinds") {
		t.Error(text)
	}
	inner.Close()
	close(release)
	if err := s.Shutdown(background); err != nil {
		t.Error(err)
	}
}

// A connection that its handler forgets to close is counted and logged when it is collected, and
// then closed. One that the handler closes, or passes to another goroutine, is not.
func TestLeak(t *testing.T) {
	server, client := newTLS(t)
	var log logged
	s := &netmux.Server{DetectTLS: true, TLSConfig: server, Logger: log.logger(slog.LevelWarn)}
	forget := func(_ context.Context, _ string, stream io.ReadWriteCloser) { io.WriteString(stream, "answer") }
	if err := s.Muxer.AddHandler("/forgets", forget); err != nil {
		t.Fatal(err)
	}
	handle(t, s, "/closes", func(conn net.Conn) { io.WriteString(conn, "answer") })
	inner := listen(t, s, deep)
	addr := serveTCP(t, s)
	kept := dial(t, &netmux.Dialer{Protocols: []string{deep}}, addr)
	accepted, err := inner.Accept()
	if err != nil {
		t.Fatal(err)
	}
	closed := dial(t, &netmux.Dialer{Protocols: []string{"/closes"}}, addr)
	if got, err := io.ReadAll(closed); string(got) != "answer" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	var forgotten []net.Conn
	for _, d := range []*netmux.Dialer{{Protocols: []string{"/forgets"}}, {Protocols: []string{"/forgets"}, TLSConfig: client}} {
		forgotten = append(forgotten, dial(t, d, addr))
	}
	for s.Stats().Leaked < 2 {
		runtime.GC()
	}
	for _, conn := range forgotten {
		ended := make(chan struct{})
		go func() {
			io.Copy(io.Discard, conn)
			close(ended)
		}()
		for isDone := false; !isDone; {
			runtime.GC()
			select {
			case <-ended:
				isDone = true
			default:
			}
		}
		conn.Close()
	}
	go io.CopyN(accepted, struct{ io.Reader }{accepted}, int64(len("still open")))
	checkEcho(t, kept, "still open")
	defer accepted.Close()
	for len(log.lines(t, "netmux: connection never closed")) == 0 {
		runtime.Gosched()
	}
	if lines := log.lines(t, "netmux: connection never closed"); lines[0]["protocol"] != "/forgets" || lines[0]["remote"] == "" {
		t.Errorf("logged %v", lines)
	}
	if st := s.Stats(); st.Leaked != 2 {
		t.Errorf("%+v", st)
	}
}
