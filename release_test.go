package multiselect

import (
	"context"
	"io"
	"reflect"
	"strings"
	"testing"
)

// A Communicator that went through a negotiation and is given back is like a
// new one: nothing of one stream is left for the next. What may differ is the
// watch, the place that says that it is in no queue, and bytes that lie around
// in a buffer that is empty.
func TestReleaseForgets(t *testing.T) {
	var m Muxer
	name := "/" + strings.Repeat("n", 200)
	if err := m.AddHandler(name, func(context.Context, string, io.ReadWriteCloser) {}); err != nil {
		t.Fatal(err)
	}
	c := &Communicator{watch: watchFor(0), pooled: true}
	fresh := reflect.ValueOf(Communicator{watch: c.watch, place: -1, pooled: true})
	said := "\x13/multistream/1.0.0\n\x03ls\n\x05nope\n\xca\x01" + name + "\n"
	c.stream = struct {
		io.Reader
		io.Writer
		io.Closer
	}{strings.NewReader(said), io.Discard, io.NopCloser(nil)}
	ctx := WithTrace(context.Background(), &Trace{})
	if _, _, err := m.run(ctx, c, nil, nil); err != nil {
		t.Fatal(err)
	}
	c.over = false // as in a call of its own
	c.release()
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
