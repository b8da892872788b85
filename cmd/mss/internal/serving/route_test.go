package serving

import (
	"testing"

	"github.com/multiselect/multiselect/cmd/mss/internal/exit"
)

func TestParseRoute(t *testing.T) {
	for _, c := range []struct{ in, protocol, kind, argument string }{
		{"/a=echo", "/a", "echo", ""},
		{"/a=b/1=echo", "/a=b/1", "echo", ""},
		{"/a=echo/1=time", "/a=echo/1", "time", ""},
		{"/a=static:", "/a", "static", ""},
		{"/a=static:x=echo", "/a", "static", "x=echo"},
		{"/a=b=static:x=y", "/a=b", "static", "x=y"},
		{"/a=exec:FOO=1 env", "/a", "exec", "FOO=1 env"},
		{"/a=tcp:[::1]:80", "/a", "tcp", "[::1]:80"},
		{"/a", "", "", ""},
		{"/a=", "", "", ""},
		{"/a=echoes", "", "", ""},
		{"/a=exec", "", "", ""},
		{"/a=exec:", "", "", ""},
		{"/a=tcp:80", "", "", ""},
		{"/a=tcp:h:70000", "", "", ""},
	} {
		r, err := parseRoute(c.in)
		if (err != nil) != (c.kind == "") || r != (Route{c.protocol, target{c.kind, c.argument}}) {
			t.Errorf("parseRoute(%q) = %+v, %v", c.in, r, err)
		}
		if err != nil && exit.Code(err) != exit.Usage {
			t.Errorf("parseRoute(%q): code %d", c.in, exit.Code(err))
		}
	}
}
