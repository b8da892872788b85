package serving

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/netmux"

	"github.com/multiselect/multiselect/cmd/mss/internal/attempt"
	"github.com/multiselect/multiselect/cmd/mss/internal/terminal"
	"github.com/multiselect/multiselect/cmd/mss/internal/transport"
)

// The end because of a limit is described by the flag that sets it.
func TestExplainLimit(t *testing.T) {
	for want, e := range map[string]netmux.LimitError{
		"evicted: too many half-open connections, see --max-half-open":    {Limit: "MaxHalfOpen", Err: netmux.ErrHalfOpen},
		"refused: too many active connections, see --max-active-per-host": {Limit: "MaxActivePerHost", Refused: true, Err: netmux.ErrActive},
		"evicted: no file descriptor is free: too many links":             {Limit: "descriptors", Err: netmux.ErrLinks},
		"ended because of --first-byte-timeout":                           {Limit: "FirstByteTimeout", Err: os.ErrDeadlineExceeded},
		"ended because of --link-idle-timeout":                            {Limit: "LinkIdleTimeout", Err: os.ErrDeadlineExceeded},
	} {
		if got := explainLimit(&e); got != want {
			t.Errorf("%+v: %q, want %q", e, got, want)
		}
	}
}

// Connections that are silent below the streams keep no other one waiting.
func TestSilentCarriers(t *testing.T) {
	const silent = 300
	srv, err := New(Config{
		Routes: EchoRoutes([]string{"/x"}),
		Limits: multiselect.Limits{Timeout: time.Hour},
		Bounds: Bounds{MaxHalfOpen: silent / 2},
		Log:    new(Log),
	})
	if err != nil {
		t.Fatal(err)
	}
	ln := serve(t, srv, "/ip4/127.0.0.1/tcp/0")
	for range silent {
		conn, err := net.Dial("tcp", ln.Address.Where)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
	p := attempt.NewPeer(ln.Address, ln.Address.String(), new(transport.Trust))
	defer p.Stop()
	stream, err := p.Stream(t.Context(), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	agree(t, stream, "/x")
	if now := srv.netmux.Stats(); now.HalfOpen > silent/2 || now.Links != 1 {
		t.Errorf("%+v", now)
	}
}

// The reason of a handshake that failed cannot write to a terminal.
func TestLinkFailed(t *testing.T) {
	var b buffer
	l := &Log{Stdio: &terminal.Stdio{Err: &b}}
	c := &connection{Stream: memoryConn{}, carrier: true}
	l.linkFailed(c, errors.New("quic-v1: \x1b[2J\nmss: forged"))
	if got, want := timeless(b.String()), `mss: TIME [::1]:1: "quic-v1: \x1b[2J\nmss: forged"`+"\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// A throttle shows some clients of an interval, and tells the number of the others at its end.
func TestThrottle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []int
		l := &throttle{max: 2, report: func(hidden int) { told = append(told, hidden) }}
		for interval := range 2 {
			for i := range 5 {
				if got := l.allow(); got != (i < 2) {
					t.Errorf("interval %d, client %d: %v", interval, i, got)
				}
			}
			time.Sleep(throttleInterval)
			synctest.Wait()
		}
		if len(told) != 2 || told[0] != 3 || told[1] != 3 {
			t.Errorf("told %v", told)
		}
		l.allow()
		l.flush()
		if len(told) != 2 {
			t.Errorf("told %v", told)
		}
		unlimited := &throttle{}
		for range 10_000 {
			if !unlimited.allow() {
				t.Fatal("there is no limit")
			}
		}
	})
}
