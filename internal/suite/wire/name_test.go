package wire_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/multiselect/multiselect/wire"
)

func TestCheckName(t *testing.T) {
	for _, tt := range []struct {
		name  string
		limit int
		err   string // what stands behind the sentinel; "" is no error
	}{
		{"/foo/1.0.0", limit, ""},
		{"nope", limit, ""},        // no slash: legal, though rust ends the stream
		{"/foo/1.0.0 ", limit, ""}, // nothing is trimmed
		{"/\xff\xfe", limit, ""},   // names are bytes
		{"/foo\x00", limit, ""},
		{"/a\rb", limit, ""}, // only a newline ends a message
		{"NA", limit, ""},    // case matters
		{"Ls", limit, ""},
		{"na ", limit, ""},
		{"/multistream/1.0.1", limit, ""}, // only our own header is reserved
		{strings.Repeat("a", 1023), 1024, ""},
		{"a", 2, ""},

		{"", limit, "it is empty"},
		{"na", limit, `"na" is reserved`},
		{"ls", limit, `"ls" is reserved`},
		{"/multistream/1.0.0", limit, `"/multistream/1.0.0" is reserved`},
		{strings.Repeat("a", 1024), 1024, "1024 bytes, 1023 allowed"},
		{"a", 1, "1 bytes, 0 allowed"},
		{"\n", limit, `"\n" has a newline in it`},
		{"/foo/1.0.0\n", limit, `"/foo/1.0.0\n" has a newline in it`},
		{"\n/foo", limit, `"\n/foo" has a newline in it`},
		// A name of any size must not end up in an error.
		{strings.Repeat("\n", 5000), limit, "5000 bytes, 1023 allowed"},
	} {
		err := wire.CheckName(tt.name, tt.limit)
		switch {
		case tt.err == "" && err != nil:
			t.Errorf("CheckName(%.32q, %d) = %v, want nil", tt.name, tt.limit, err)
		case tt.err != "" && (!errors.Is(err, wire.ErrInvalidName) || err.Error() != "invalid protocol name: "+tt.err):
			t.Errorf("CheckName(%.32q, %d) = %v, want %s", tt.name, tt.limit, err, tt.err)
		}
	}
}

// What CheckName lets through, Consume takes at the same limit.
func TestCheckNameAgreesWithConsume(t *testing.T) {
	for size := 1; size <= 300; size++ {
		name := strings.Repeat("a", size)
		message := wire.AppendMessage(nil, name)
		for _, limit := range []int{1, 2, 127, 128, 129, 256} {
			_, _, err := wire.ConsumeMessage(message, limit)
			if fits := wire.CheckName(name, limit) == nil; fits != (err == nil) {
				t.Errorf("limit %d: CheckName of %d bytes says %t, Consume says %v", limit, size, fits, err)
			}
		}
	}
}
