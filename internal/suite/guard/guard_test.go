package guard_test

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/multiselect/multiselect/internal/guard"
	"github.com/multiselect/multiselect/wire"
)

// start is the state before any early data.
var start guard.State

// TestGuard sends early data write by write, up to the first write that has to wait.
func TestGuard(t *testing.T) {
	for _, tc := range []struct {
		name   string
		writes string // separated by |
		waits  string // the first write that has to wait, if any
	}{
		{"nothing", "", ""},
		{"a delimited protobuf message", "\x04\x08\x96\x01\x10", ""},
		{"two of them", "\x04\x08\x96\x01\x10\x02\x08\x01", ""},
		{"two messages in pieces", "\x04|\x08|\x96\x01|\x10|\x02\x08|\x01", ""},
		{"a message that ends with a newline", "\x04\x08\x96\x01\n", "\x04\x08\x96\x01\n"},
		{"the newline of a message in a write of its own", "\x04\x08\x96\x01|\n", "\n"},
		{"a proposal", "\x0b/bar/2.0.0\n", "\x0b/bar/2.0.0\n"},
		{"a proposal in two writes", "\x0b/bar/2.0|.0\n", ".0\n"},
		{"a proposal after a message", "\x01x|\x0b/bar/2.0.0\n", "\x0b/bar/2.0.0\n"},
		{"a proposal with a padded length", "\x8b\x00/bar/2.0.0\nDELETE", "\x8b\x00/bar/2.0.0\nDELETE"},
		{"a proposal with a length of four bytes", "\x8b\x80\x80\x00|/bar/2.0.0|\n", "\n"},
		{"a length of five bytes", "\x8b\x80\x80\x80|\x00", "\x00"},
		{"a length that wraps", "\x8b\x80\x80\x80\x10/bar/2.0.0", "\x8b\x80\x80\x80\x10/bar/2.0.0"},
		{"the longest length", "\xff\xff\xff\x7f/bar/2.0.0\nDELETE", ""},
		{"zeros", "\x00\x00|\x00", ""},
		{"a proposal after zeros", "\x00\x00\x0b|/bar/2.0.0\n", "/bar/2.0.0\n"},
		{"a zero of two bytes", "\x80|\x00", "\x00"},
		{"a name without a newline", "\x0a/bar/2.0.|0", "0"},
		{"a name of one byte", "\x01/", "\x01/"},
		{"a slash elsewhere", "\x02x/", ""},
		{"a newline elsewhere", "\x03\nx/", ""},
		{"a slash at the start of an incomplete body", "\x0b/bar/2.0.0", ""},
		{"a body of one newline", "\x01|\n", "\n"},
		{"the header", wire.HeaderFrame, wire.HeaderFrame},
		{"a message that is too long for most responders", "\x81\x08" + strings.Repeat("x", 1024) + "|\n", "\n"},
		{"a request with a big-endian length of four bytes", "\x00\x00\x01\x02|" + strings.Repeat("x", 100), ""},
		{"a short HTTP request", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", ""}, // less than the 71 bytes that the G announces as a length
	} {
		var g guard.State
		waits := ""
		for write := range bytes.SplitSeq([]byte(tc.writes), []byte("|")) {
			next, ok := g.After(write)
			if !ok {
				waits = string(write)
				if next != g {
					t.Errorf("%s: the state changed although %q was not sent", tc.name, write)
				}
				break
			}
			g = next
		}
		if waits != tc.waits {
			t.Errorf("%s: of %q, %q waits, want %q", tc.name, tc.writes, waits, tc.waits)
		}
	}
}

// TestGuardCuts checks that the split of early data into writes does not matter: data
// that may be sent in one write may be sent in two, with an equal state afterwards, and
// conversely. Callers rely on this after a short write.
func TestGuardCuts(t *testing.T) {
	for s := range scenarios(numScenarios / 5) {
		p := s.payload
		whole, ok := start.After(p)
		for cut := range min(len(p), 80) {
			first, firstOK := start.After(p[:cut])
			rest, restOK := first.After(p[cut:])
			if !firstOK && ok || firstOK && (restOK != ok || ok && rest != whole) {
				t.Fatalf("%q: %+v, %v; cut at %d: %v, then %+v, %v", p, whole, ok, cut, firstOK, rest, restOK)
			}
		}
	}
}

// clauses is a second implementation of the guard, for all data together. Its clauses can
// be dropped one by one.
type clauses struct {
	anyEnd      bool // a message may end with a newline
	anyStart    bool // a message may begin with a slash
	lengthBytes int  // size limit of a length
	zeroEnds    bool // a length of zero is an error on every responder; all data may follow it
	oneMessage  bool // no data may follow a message
}

// allClauses is the guard.
var allClauses = clauses{lengthBytes: 4}

func (c clauses) admits(data []byte) bool {
	for messages := 0; ; messages++ {
		if messages > 0 && c.oneMessage {
			return len(data) == 0
		}
		if !c.zeroEnds {
			data = bytes.TrimLeft(data, "\x00")
		}
		n, size := binary.Uvarint(data[:min(len(data), c.lengthBytes)])
		body := data[size:]
		switch {
		case size == 0:
			return len(data) <= c.lengthBytes
		case n == 0:
			return c.zeroEnds
		case uint64(len(body)) < n:
			return true
		case !c.anyEnd && body[n-1] == '\n', !c.anyStart && body[0] == '/':
			return false
		}
		data = body[n:]
	}
}

// TestGuardIsItsClauses compares the two implementations.
func TestGuardIsItsClauses(t *testing.T) {
	for s := range scenarios(numScenarios / 2) {
		for n := range min(len(s.payload), 80) + 1 {
			if _, ok := start.After(s.payload[:n]); ok != allClauses.admits(s.payload[:n]) {
				t.Fatalf("%q may be sent: %v, and by its clauses %v", s.payload[:n], ok, !ok)
			}
		}
		if _, ok := start.After(s.payload); ok != allClauses.admits(s.payload) {
			t.Fatalf("%q may be sent: %v, and by its clauses %v", s.payload, ok, !ok)
		}
	}
}

// TestGuardInOneWrite compares one call of After with a call for each byte, for all short
// data over a small alphabet. It covers the shortcut for one small message.
func TestGuardInOneWrite(t *testing.T) {
	const symbols = "\x00\x01\x02\x03\x80/b\n"
	sent := 0
	var extend func(early []byte)
	extend = func(early []byte) {
		var want guard.State
		wantOK := true
		for i := 0; i < len(early) && wantOK; i++ {
			want, wantOK = want.After(early[i : i+1])
		}
		got, ok := start.After(early)
		if ok != wantOK || ok && got != want {
			t.Fatalf("%q: %v, %v in one write, %v, %v in many", early, got, ok, want, wantOK)
		}
		if ok {
			sent++
		}
		for i := 0; i < len(symbols) && len(early) < 5; i++ {
			extend(append(early, symbols[i]))
		}
	}
	extend(nil)
	if sent < 1000 {
		t.Errorf("only %d may be sent", sent)
	}
}
