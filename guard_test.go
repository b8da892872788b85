package multiselect

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/multiselect/multiselect/wire"
)

// Early data, write by write, up to the first that has to wait.
func TestGuard(t *testing.T) {
	for _, tc := range []struct {
		why    string
		writes string // with | between them
		waits  string // the write that has to wait, if any
	}{
		{"nothing", "", ""},
		{"a delimited protobuf message", "\x04\x08\x96\x01\x10", ""},
		{"two of them", "\x04\x08\x96\x01\x10\x02\x08\x01", ""},
		{"and in pieces", "\x04|\x08|\x96\x01|\x10|\x02\x08|\x01", ""},
		{"one that ends with a newline", "\x04\x08\x96\x01\n", "\x04\x08\x96\x01\n"},
		{"all of it but the newline", "\x04\x08\x96\x01|\n", "\n"},
		{"a proposal", "\x0b/bar/2.0.0\n", "\x0b/bar/2.0.0\n"},
		{"a proposal in two writes", "\x0b/bar/2.0|.0\n", ".0\n"},
		{"a proposal behind a message", "\x01x|\x0b/bar/2.0.0\n", "\x0b/bar/2.0.0\n"},
		{"a proposal with a padded length", "\x8b\x00/bar/2.0.0\nDELETE", "\x8b\x00/bar/2.0.0\nDELETE"},
		{"a proposal with a length of four bytes", "\x8b\x80\x80\x00|/bar/2.0.0|\n", "\n"},
		{"a length of five bytes", "\x8b\x80\x80\x80|\x00", "\x00"},
		{"a length that wraps", "\x8b\x80\x80\x80\x10/bar/2.0.0", "\x8b\x80\x80\x80\x10/bar/2.0.0"},
		{"the longest length", "\xff\xff\xff\x7f/bar/2.0.0\nDELETE", ""},
		{"zeros", "\x00\x00|\x00", ""},
		{"a proposal behind zeros", "\x00\x00\x0b|/bar/2.0.0\n", "/bar/2.0.0\n"},
		{"a zero of two bytes", "\x80|\x00", "\x00"},
		{"a name without a newline", "\x0a/bar/2.0.|0", "0"},
		{"a name of one byte", "\x01/", "\x01/"},
		{"a slash elsewhere", "\x02x/", ""},
		{"a newline elsewhere", "\x03\nx/", ""},
		{"a slash that begins a body which is not over", "\x0b/bar/2.0.0", ""},
		{"a body of one newline", "\x01|\n", "\n"},
		{"the header", wire.HeaderFrame, wire.HeaderFrame},
		{"a message that is too long for all but a few", "\x81\x08" + strings.Repeat("x", 1024) + "|\n", "\n"},
		{"a request with a length of four bytes, highest first", "\x00\x00\x01\x02|" + strings.Repeat("x", 100), ""},
		{"a short HTTP request", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", ""}, // of the 71 bytes that G announces
	} {
		var g guard
		waits := ""
		for write := range bytes.SplitSeq([]byte(tc.writes), []byte("|")) {
			next, ok := g.after(write)
			if !ok {
				waits = string(write)
				if next != g {
					t.Errorf("%s: the state changed although %q was not sent", tc.why, write)
				}
				break
			}
			g = next
		}
		if waits != tc.waits {
			t.Errorf("%s: of %q, %q waits, want %q", tc.why, tc.writes, waits, tc.waits)
		}
	}
}

// How early data is cut into writes makes no difference: what may be sent in one
// may be sent in two and leads to the same state, and the other way round. So a
// short write needs no care.
func TestGuardCuts(t *testing.T) {
	for a := range adversaries(guardCases / 5) {
		p := a.payload
		whole, ok := (guard{}).after(p)
		for cut := range min(len(p), 80) {
			first, firstOK := (guard{}).after(p[:cut])
			rest, restOK := first.after(p[cut:])
			if !firstOK && ok || firstOK && (restOK != ok || ok && rest != whole) {
				t.Fatalf("%q: %+v, %v; cut at %d: %v, then %+v, %v", p, whole, ok, cut, firstOK, rest, restOK)
			}
		}
	}
}

// clauses are the guard again, for all data at once, and with clauses to be left out.
type clauses struct {
	anyEnd      bool // a message may end with a newline
	anyStart    bool // and begin with a slash
	lengthBytes int
	zeroEnds    bool // a length of zero is an error to everybody: nothing behind it counts
	oneMessage  bool // nothing may follow a message
}

var allClauses = clauses{lengthBytes: 4}

func (r clauses) admits(data []byte) bool {
	for messages := 0; ; messages++ {
		if messages > 0 && r.oneMessage {
			return len(data) == 0
		}
		if !r.zeroEnds {
			data = bytes.TrimLeft(data, "\x00")
		}
		n, size := binary.Uvarint(data[:min(len(data), r.lengthBytes)])
		body := data[size:]
		switch {
		case size == 0:
			return len(data) <= r.lengthBytes
		case n == 0:
			return r.zeroEnds
		case uint64(len(body)) < n:
			return true
		case !r.anyEnd && body[n-1] == '\n', !r.anyStart && body[0] == '/':
			return false
		}
		data = body[n:]
	}
}

// TestGuardIsItsClauses compares two ways to write down the same.
func TestGuardIsItsClauses(t *testing.T) {
	for a := range adversaries(guardCases / 2) {
		for n := range min(len(a.payload), 80) + 1 {
			if _, ok := (guard{}).after(a.payload[:n]); ok != allClauses.admits(a.payload[:n]) {
				t.Fatalf("%q may be sent: %v, and by its clauses %v", a.payload[:n], ok, !ok)
			}
		}
		if _, ok := (guard{}).after(a.payload); ok != allClauses.admits(a.payload) {
			t.Fatalf("%q may be sent: %v, and by its clauses %v", a.payload, ok, !ok)
		}
	}
}

// It does not matter in how many writes early data comes, and what is decided at one
// look is what the long way decides.
func TestGuardInOneWrite(t *testing.T) {
	const symbols = "\x00\x01\x02\x03\x80/b\n"
	sent := 0
	var extend func(early []byte)
	extend = func(early []byte) {
		var want guard
		wantOK := true
		for i := 0; i < len(early) && wantOK; i++ {
			want, wantOK = want.after(early[i : i+1])
		}
		got, ok := guard{}.after(early)
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
