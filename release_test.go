package multiselect

import (
	"context"
	"io"
	"reflect"
	"runtime/debug"
	"strings"
	"testing"
)

// scripted is a stream on which the peer says the same whatever it hears, a flight
// for each Read.
type scripted struct {
	flights []string
	long    bool // it was read on the long way
}

func (s *scripted) Read(p []byte) (int, error) {
	s.long = s.long || strings.Contains(string(debug.Stack()), ").run(")
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
	respond := func(c *Communicator) error {
		_, next, err := m.short(ctx, c)
		if next == turnRead {
			_, next, err = m.shortTurns(c)
		}
		if next != turnAgreed {
			t.Error("the short way ended")
		}
		return err
	}
	propose := func(c *Communicator) error {
		stream := c.stream.(*scripted)
		_, err := new(Client).short(ctx, c, []string{"/bar/1.0.0", "/foo/1.0.0"})
		if stream.long {
			t.Error("the short way ended")
		}
		return err
	}
	const header, foo, na = "\x13/multistream/1.0.0\n", "\x0b/foo/1.0.0\n", "\x03na\n"
	for _, tc := range []struct {
		name string
		run  func(*Communicator) error
		said []string
	}{
		{"long way", func(c *Communicator) error {
			_, _, err := m.run(WithTrace(ctx, &Trace{}), c, nil, nil)
			return err
		}, []string{header + "\x03ls\n\x05nope\n\xca\x01" + long + "\n"}},
		{"short way", respond, []string{header + foo}},
		{"short way, in pieces", respond, []string{header + foo[:4], foo[4:]}},
		{"short way, refused first", respond, []string{header + "\x0b/bar/1.0.0\n", foo}},
		{"short way of the initiator", propose, []string{header + "\x0b/bar/1.0.0\n"}},
		{"short way of the initiator, refused first", propose, []string{header + na, foo}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := &Communicator{watch: watchFor(0), pooled: true}
			fresh := reflect.ValueOf(Communicator{watch: c.watch, place: -1, pooled: true})
			c.stream = &scripted{flights: tc.said}
			if err := tc.run(c); err != nil {
				t.Fatal(err)
			}
			c.small = [smallBuffer]byte{}
			used := reflect.ValueOf(c).Elem()
			for i := range used.NumField() {
				if f := used.Type().Field(i); !same(used.Field(i), fresh.Field(i)) {
					t.Errorf("%s is left as %v", f.Name, used.Field(i))
				}
			}
		})
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
