package attempt

import (
	"context"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/multiselect/multiselect/netmux"

	"github.com/multiselect/multiselect/cmd/mss/internal/exit"
)

// probe asks for protocols one after the other, and returns the answers in a line.
func probe(ctx context.Context, pr *Prober, names ...string) (findings []Finding, answers string) {
	for _, name := range names {
		f := pr.Ask(ctx, name)
		findings = append(findings, f)
		answers += f.Answer + " "
	}
	pr.HangUp()
	return findings, strings.TrimSpace(answers)
}

// Questions after a refusal are asked on the same stream, and after an agreement on
// another one.
func TestProber(t *testing.T) {
	for _, where := range forms {
		p := serve(t, where, host{}, echoes(t, "/yes"))
		pr := &Prober{Peer: p, Live: io.Discard}
		findings, answers := probe(t.Context(), pr, "/no", "/no/2", "/yes", "/no", "/yes")
		if answers != "no no yes no yes" || Verdict(findings) != exit.Finding || !pr.Connected {
			t.Errorf("%s: %s, exit code %d", where, answers, Verdict(findings))
		}
		another := 0
		for _, line := range pr.Lines() {
			if line == "# another "+p.Address.Form.Carrier() {
				another++
			}
		}
		if another != 1 {
			t.Errorf("%s: %d more streams\n%s", where, another, strings.Join(pr.Lines(), "\n"))
		}
	}
}

// A peer that ends the stream after a refusal is asked the next question on a new one.
func TestProberOneShot(t *testing.T) {
	srv := echoes(t, "/yes")
	srv.Muxer.OneShot = true
	pr := &Prober{Peer: serve(t, "127.0.0.1:0", host{}, srv), Live: io.Discard}
	findings, answers := probe(t.Context(), pr, "/a", "/b", "/yes")
	if answers != "no no yes" || Verdict(findings) != exit.Finding {
		t.Errorf("%s: %+v", answers, findings)
	}
}

// One stream carries 32 questions, since responders limit them.
func TestProberLimit(t *testing.T) {
	var streams atomic.Int32
	srv := echoes(t, "/yes")
	srv.Muxer.Limits.MaxProposals = perStream
	pr := &Prober{Peer: scripted(t, func(conn *net.TCPConn) {
		streams.Add(1)
		srv.Muxer.ServeStream(context.Background(), conn)
	}), Live: io.Discard}
	var names []string
	for i := range 2*perStream + 1 {
		names = append(names, "/no/"+strconv.Itoa(i))
	}
	findings, _ := probe(t.Context(), pr, names...)
	if i := slices.IndexFunc(findings, func(f Finding) bool { return f.Answer != "no" }); i >= 0 {
		t.Errorf("question %d: %+v", i, findings[i])
	}
	if n := streams.Load(); n != 3 {
		t.Errorf("%d streams", n)
	}
}

// An error is explained once with advice and then without; the rest is in the document.
func TestFindingError(t *testing.T) {
	pr := &Prober{Peer: scripted(t, leaves("HTTP/1.1 400 Bad Request\r\n")), Live: io.Discard}
	f := pr.Ask(t.Context(), "/x")
	if f.Answer != "error" || f.ExitCode != exit.Violation || f.Blame != "peer" || f.Stage != "waiting for the header" || f.Next != "this is a web server: check the port" {
		t.Errorf("%+v", f)
	}
	if !strings.HasSuffix(*f.Error, `in place of the header`) || f.Err == nil {
		t.Errorf("%q, %v", *f.Error, f.Err)
	}
	short := f.Explain(false)
	if !f.HasAdvice() || short != "/x: "+*f.Error+"\n" || !strings.HasPrefix(f.Explain(true), short+"  stage ") {
		t.Errorf("explained\n%s", f.Explain(true))
	}
}

// Questions for which no time is left are not asked.
func TestProberTimeout(t *testing.T) {
	pr := &Prober{Peer: serve(t, "127.0.0.1:0", host{}, echoes(t, "/yes")), Live: io.Discard}
	ctx, cancel := context.WithCancelCause(t.Context())
	pr.Ask(ctx, "/no")
	cancel(exit.ErrInterrupted)
	f := pr.Ask(ctx, "/yes")
	if f.Answer != "error" || f.ExitCode != exit.Interrupted || *f.Error != "not asked: interrupted" || f.HasAdvice() {
		t.Errorf("interrupted: %+v", f)
	}
	late := newDeadline(t)
	late.expire()
	if f := pr.Ask(late, "/yes"); f.ExitCode != exit.Timeout || *f.Error != "not asked: no time was left" || f.Stage != "not asked" {
		t.Errorf("late: %+v", f)
	}
}

// A step below the streams that is refused says nothing about the protocol.
func TestProberBelow(t *testing.T) {
	h := host{protocols: map[string][]string{"security": {"/plaintext/2.0.0"}}}
	pr := &Prober{Peer: serve(t, "/ip4/127.0.0.1/tcp/0", h, new(netmux.Server)), Live: io.Discard}
	f := pr.Ask(t.Context(), "/yes")
	if f.Answer != "error" || f.ExitCode != exit.Refused || !strings.HasPrefix(*f.Error, "security: nothing in common") || pr.Connected {
		t.Errorf("%+v, connected %v", f, pr.Connected)
	}
}

func TestVerdict(t *testing.T) {
	yes, no := Finding{Answer: "yes"}, Finding{Answer: "no", ExitCode: exit.Finding}
	timeout := Finding{Answer: "error", ExitCode: exit.Timeout, Err: context.DeadlineExceeded}
	closed := Finding{Answer: "error", ExitCode: exit.Closed, Err: io.EOF}
	for _, c := range []struct {
		findings []Finding
		want     int
	}{
		{nil, exit.OK},
		{[]Finding{yes, yes}, exit.OK},
		{[]Finding{yes, no}, exit.Finding},
		{[]Finding{no, timeout, closed}, exit.Timeout},
		{[]Finding{closed, timeout}, exit.Closed},
	} {
		if got := Verdict(c.findings); got != c.want {
			t.Errorf("%+v: %d, want %d", c.findings, got, c.want)
		}
	}
}
