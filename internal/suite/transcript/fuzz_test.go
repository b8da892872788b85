package transcript_test

import (
	"reflect"
	"testing"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/transcript"
	"github.com/multiselect/multiselect/wire"
)

// checkRoundTrip writes a transcript, reads it and writes it again.
func checkRoundTrip(t *testing.T, want transcript.Transcript) {
	t.Helper()
	notation := want.String()
	got, err := transcript.Parse([]byte(notation))
	if err != nil {
		t.Fatalf("%+v is written %q: %v", want, notation, err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("%+v is written %q and read %+v", want, notation, got)
	}
	if again := got.String(); again != notation {
		t.Fatalf("%q is written again %q", notation, again)
	}
}

// Whatever can be read can be written, and is read as the same again.
func FuzzTranscript(f *testing.F) {
	for _, tt := range golden {
		f.Add([]byte(tt.notation))
	}
	f.Add([]byte("#\xcd"))
	f.Add([]byte("#a\r\n\r\n> \"/\\xff\" #b\n\n\n< #\n    \"\"\n    a b\n<! \"\""))
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := transcript.Parse(text)
		if err != nil {
			return
		}
		checkRoundTrip(t, got)
	})
}

// Whatever a peer sends can be written down without losing a byte.
func FuzzTranscribe(f *testing.F) {
	for _, seed := range []string{
		"\x19\x0b/foo/1.0.0\n\x0b/bar/2.0.0\n\n", // a list
		"\x01\n", "\x03\x01\n\n",                 // lists of no name and of an empty one
		"\x17/foo/1.0.0\n/bar/2.0.0\n\n",           // another dialect
		"\x19\x02\x0b/foo/1.0.0\n\x0b/bar/2.0.0\n", // and another
		"\x00", "\x80\x00", "\x05/foo/", "\xff\xff\xff\xff", // no messages
	} {
		f.Add([]byte(wire.HeaderFrame+seed), 1024)
	}
	f.Fuzz(func(t *testing.T, b []byte, limit int) {
		for _, from := range []multiselect.Role{multiselect.Initiator, multiselect.Responder} {
			got := transcript.Transcribe(from, b, limit)
			if back := sent(got, from); back != string(b) {
				t.Fatalf("%q comes back as %q", b, back)
			}
			checkRoundTrip(t, got)
		}
	})
}
