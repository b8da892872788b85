package multiselect

import (
	"cmp"
	"context"
	"io"
	"reflect"
	"strings"
	"testing"

	"github.com/multiselect/multiselect/internal/streamtest"
)

// A Communicator that is returned to the pool is like a new one: nothing of one
// stream is left for the next. Only the watchdog and the bytes of an empty buffer may
// differ.
//
// TestReuse in internal/suite/fault sees what a caller could notice of it; this
// test also finds fields that no call uses yet.
func TestReleaseForgets(t *testing.T) {
	var m Muxer
	long := "/" + strings.Repeat("n", 200)
	for _, name := range []string{"/foo/1.0.0", long} {
		if err := m.AddHandler(name, func(context.Context, string, io.ReadWriteCloser) {}); err != nil {
			t.Fatal(err)
		}
	}
	ctx := context.Background()
	respond := func(stream io.ReadWriteCloser) error {
		_, _, err := m.Negotiate(ctx, stream)
		return err
	}
	traced := func(stream io.ReadWriteCloser) error {
		_, _, err := m.Negotiate(WithTrace(ctx, &Trace{}), stream)
		return err
	}
	propose := func(stream io.ReadWriteCloser) error {
		_, err := new(Client).SelectOneOf(ctx, stream, "/bar/1.0.0", "/foo/1.0.0")
		return err
	}
	unlimited := func(stream io.ReadWriteCloser) error {
		_, err := (&Client{Limits: Limits{Timeout: NoLimit}}).SelectOneOf(ctx, stream, "/bar/1.0.0")
		return err
	}
	const header, foo, na = "\x13/multistream/1.0.0\n", "\x0b/foo/1.0.0\n", "\x03na\n"
	for _, tc := range []struct {
		name string
		run  func(io.ReadWriteCloser) error
		peer []string
	}{
		{"responder, traced", traced, []string{header + "\x03ls\n\x05nope\n\xca\x01" + long + "\n"}},
		{"responder", respond, []string{header + foo}},
		{"responder, in pieces", respond, []string{header + foo[:4], foo[4:]}},
		{"responder, refused first", respond, []string{header + "\x0b/bar/1.0.0\n", foo}},
		{"initiator", propose, []string{header + "\x0b/bar/1.0.0\n"}},
		{"initiator, no time limit", unlimited, []string{header + "\x0b/bar/1.0.0\n"}},
		{"initiator, refused first", propose, []string{header + na, foo}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for range 1000 { // a pool may drop what it is given
				stream := streamtest.NewScript(tc.peer...)
				var first *byte // of the first Read
				stream.OnRead = func(p []byte) { first = cmp.Or(first, &p[0]) }
				if err := tc.run(stream); err != nil {
					t.Fatal(err)
				}
				c := communicators.Get().(*Communicator)
				if &c.in.inline[0] == first {
					isForgetful(t, c)
					return
				}
			}
			t.Error("no Communicator was returned to the pool")
		})
	}
}

func isForgetful(t *testing.T, c *Communicator) {
	if _, ok := c.life.entry.Deadline(); ok {
		t.Error("its time limit was not removed")
	}
	fresh := reflect.ValueOf(&Communicator{life: lifetime{watchdog: c.life.watchdog}, pooled: true}).Elem()
	if c.refused != nil && len(c.refused.bytes) == 0 {
		c.refused = nil
	}
	c.in.inline = [inlineSize]byte{}
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
