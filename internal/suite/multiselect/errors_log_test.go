package multiselect_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/internal/streamtest"
	"github.com/multiselect/multiselect/wire"
)

// An Error is a group of attributes in a log, in which enumerations are words.
func TestErrorLogValue(t *testing.T) {
	_, err := new(multiselect.Client).SelectOneOf(context.Background(), streamtest.NewScript(streamtest.Messages(wire.Header, "/\x1b[2Jother")), "/a", "/b")
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("failed", "err", err)
	var line struct {
		Err struct {
			Role, Phase, Blame, Received, Cause string
			Protocols                           []string
			BytesSent                           int `json:"bytes_sent"`
			BytesReceived                       int `json:"bytes_received"`
			Elapsed                             int
		}
	}
	if err := json.Unmarshal(log.Bytes(), &line); err != nil {
		t.Fatalf("%v in %s", err, &log)
	}
	e := line.Err
	if e.Role != "initiator" || e.Phase != "proposal" || e.Blame != "peer" || strings.Join(e.Protocols, " ") != "/a" {
		t.Errorf("logged %s", &log)
	}
	if e.Received != `"\v/\x1b[2Jother\n"` || e.Cause != "unexpected answer" || e.BytesSent != 24 || e.BytesReceived == 0 || e.Elapsed <= 0 {
		t.Errorf("logged %s", &log)
	}
	log.Reset()
	slog.New(slog.NewTextHandler(&log, nil)).Info("failed", "err", &multiselect.Error{Role: multiselect.Responder, Err: multiselect.ErrGaveUp})
	if want := `err.role=responder err.phase=header err.blame=none err.bytes_sent=0 err.bytes_received=0 err.elapsed=0s err.cause="the peer gave up after a refusal"`; !strings.Contains(log.String(), want) {
		t.Errorf("logged %s", &log)
	}
}

// Enumerations marshal as the words of their String.
func TestEnumerationsMarshal(t *testing.T) {
	got, err := json.Marshal([]any{
		multiselect.Initiator, multiselect.Responder, multiselect.PhaseList, multiselect.BlameSlowPeer, multiselect.Blame(9), multiselect.LazyAgreed,
	})
	if want := `["initiator","responder","list","slow peer","Blame(9)","agreed"]`; string(got) != want || err != nil {
		t.Errorf("%s, %v; want %s", got, err, want)
	}
}
