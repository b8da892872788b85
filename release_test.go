package multiselect

import (
	"context"
	"io"
	"reflect"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
)

// scripted is a stream on which the peer says the same whatever it hears, a flight
// for each Read.
type scripted struct {
	flights []string
	first   *byte // where the first Read has read to
	long    bool  // it was read on the long way
}

func (s *scripted) Read(p []byte) (int, error) {
	s.long = s.long || strings.Contains(string(debug.Stack()), ").run(")
	if s.first == nil {
		s.first = &p[0]
	}
	if len(s.flights) == 0 {
		return 0, io.EOF
	}
	n := copy(p, s.flights[0])
	if s.flights[0] = s.flights[0][n:]; s.flights[0] == "" {
		s.flights = s.flights[1:]
	}
	return n, nil
}

func (s *scripted) Write(p []byte) (int, error) { return len(p), nil }
func (s *scripted) Close() error                { return nil }

// A Communicator that went through a negotiation and is given back is like a
// new one: nothing of one stream is left for the next. What may differ is the
// watch, the place that says that it is in no queue, and bytes that lie around
// in a buffer that is empty.
func TestReleaseForgets(t *testing.T) {
	var m Muxer
	long := "/" + strings.Repeat("n", 200)
	for _, name := range []string{"/foo/1.0.0", long} {
		if err := m.AddHandler(name, func(context.Context, string, io.ReadWriteCloser) {}); err != nil {
			t.Fatal(err)
		}
	}
	ctx := context.Background()
	respond := func(stream *scripted) error {
		_, _, err := m.Negotiate(ctx, stream)
		return err
	}
	traced := func(stream *scripted) error {
		_, _, err := m.Negotiate(WithTrace(ctx, &Trace{}), stream)
		return err
	}
	propose := func(stream *scripted) error {
		_, err := new(Client).SelectOneOf(ctx, stream, "/bar/1.0.0", "/foo/1.0.0")
		return err
	}
	free := func(stream *scripted) error {
		_, err := (&Client{Limits: Limits{Timeout: -1}}).SelectOneOf(ctx, stream, "/bar/1.0.0")
		return err
	}
	const header, foo, na = "\x13/multistream/1.0.0\n", "\x0b/foo/1.0.0\n", "\x03na\n"
	for _, tc := range []struct {
		name string
		run  func(*scripted) error
		long bool
		said []string
	}{
		{"long way", traced, true, []string{header + "\x03ls\n\x05nope\n\xca\x01" + long + "\n"}},
		{"short way", respond, false, []string{header + foo}},
		{"short way, in pieces", respond, false, []string{header + foo[:4], foo[4:]}},
		{"short way, refused first", respond, false, []string{header + "\x0b/bar/1.0.0\n", foo}},
		{"short way of the initiator", propose, false, []string{header + "\x0b/bar/1.0.0\n"}},
		{"short way of the initiator, no budget", free, false, []string{header + "\x0b/bar/1.0.0\n"}},
		{"short way of the initiator, refused first", propose, false, []string{header + na, foo}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for range 1000 { // a pool may lose what it is given
				stream := &scripted{flights: slices.Clone(tc.said)}
				if err := tc.run(stream); err != nil {
					t.Fatal(err)
				}
				if stream.long != tc.long {
					t.Fatalf("the long way was taken: %v, want %v", stream.long, tc.long)
				}
				c := communicators.Get().(*Communicator)
				if &c.small[0] == stream.first {
					isForgetful(t, c)
					return
				}
			}
			t.Error("no Communicator was given back")
		})
	}
}

func isForgetful(t *testing.T, c *Communicator) {
	fresh := reflect.ValueOf(Communicator{watch: c.watch, place: c.place, pooled: true})
	if c.deadline == 0 && c.place > 0 {
		t.Error("it is still watched")
	}
	if c.refused != nil && len(c.refused.bytes) == 0 {
		c.refused = nil
	}
	c.small = [smallBuffer]byte{}
	used := reflect.ValueOf(c).Elem()
	for i := range used.NumField() {
		if f := used.Type().Field(i); !same(used.Field(i), fresh.Field(i)) {
			t.Errorf("%s is left as %v", f.Name, used.Field(i))
		}
	}
}

// same compares fields that reflection may not read as values.
func same(a, b reflect.Value) bool {
	if a.Kind() != reflect.Struct {
		return a.Equal(b)
	}
	for i := range a.NumField() {
		if a.Field(i).Kind() == reflect.Slice {
			if a.Field(i).Len() != b.Field(i).Len() {
				return false
			}
		} else if !same(a.Field(i), b.Field(i)) {
			return false
		}
	}
	return true
}
