package conform_test

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/multiselect/multiselect/conform"
	"github.com/multiselect/multiselect/internal/subject"
)

// asCommand makes this test binary an initiator of its own process.
const asCommand = "MULTISELECT_CONFORM_INITIATOR"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		os.Exit(commandMain())
	}
	os.Exit(m.Run())
}

func commandMain() int {
	task := conform.Task{Mode: os.Getenv("MSS_CONFORM_MODE")}
	if err := json.Unmarshal([]byte(os.Getenv("MSS_CONFORM_PROTOCOLS")), &task.Protocols); err != nil {
		return 2
	}
	ms, err := strconv.Atoi(os.Getenv("MSS_CONFORM_TIMEOUT"))
	if err != nil {
		return 2
	}
	task.Timeout = time.Duration(ms) * time.Millisecond
	if task.Mode == "ls" {
		return 127
	}
	conn, err := net.Dial(os.Getenv("MSS_CONFORM_NETWORK"), os.Getenv("MSS_CONFORM_ADDR"))
	if err != nil {
		return 3
	}
	switch err := subject.Do(context.Background(), conn, task); {
	case errors.Is(err, conform.ErrRefused):
		return 7
	case err != nil:
		return 1
	}
	return 0
}

// A program in its own process, over TCP and unix: what it reports by its exit
// code counts, and what it does not offer is unsupported.
func TestCommand(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(asCommand, "1")
	eachNetwork(t, func(t *testing.T, network, addr string) {
		l := bind(t, network, addr)
		o := conform.Options{
			Strict: true, Timeout: strict.Timeout, Quiet: strict.Quiet,
			Select: regexp.MustCompile("^(R1-|R9-|R10-|R20-list|R25-(refused|end|cancel)$|R30-refused)"),
		}
		report, err := conform.RunInitiator(t.Context(), conform.CommandInitiator(l, os.Stderr, exe), o)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range report.Results {
			want := conform.VerdictPass
			if r.Case.Mode == "ls" {
				want = conform.VerdictUnsupported
			}
			if r.Verdict != want {
				t.Errorf("%s: %v: %s\n%v", r.Case.ID, r.Verdict, r.Reason, r.Transcript())
			}
		}
		if len(report.Results) < 20 {
			t.Errorf("%d cases were played", len(report.Results))
		}
	})
}

// What is not there is an error of the tester, for each case, and no verdict on
// the party.
func TestNobodyThere(t *testing.T) {
	l := bind(t, "tcp", "127.0.0.1:0")
	o := conform.Options{IDs: []string{"R1-first-flight"}, Quiet: time.Millisecond}
	for _, i := range []conform.Initiator{
		conform.CommandInitiator(l, nil, filepath.Join(t.TempDir(), "no-such-program")),
		conform.DialInitiator(l, func(context.Context, string, string, conform.Task) error { return nil }),
		conform.DialInitiator(l, func(context.Context, string, string, conform.Task) error { return errors.New("no") }),
	} {
		report, err := conform.RunInitiator(t.Context(), i, o)
		if err != nil || report.OK() || report.Count(conform.VerdictError) != 1 {
			t.Errorf("RunInitiator = %+v, %v", report, err)
		}
	}
	o.IDs = []string{"R2-agreement"}
	report, err := conform.RunResponder(t.Context(), conform.Responder{
		Dial: func(context.Context) (stream, error) { return nil, errors.New("nobody") }, Protocols: served,
	}, o)
	if err != nil || report.OK() || report.Count(conform.VerdictError) != 1 {
		t.Errorf("RunResponder = %+v, %v", report, err)
	}
}
