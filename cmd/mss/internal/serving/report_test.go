package serving

import (
	"slices"
	"testing"
)

func TestRefusedIn(t *testing.T) {
	got := refusedIn([]byte(`> /multistream/1.0.0
> ls
> /a
< /multistream/1.0.0
<
    /x
< na
> /b
< na
> /x
< /x
`))
	if !slices.Equal(got, []string{"/a", "/b"}) {
		t.Errorf("got %q", got)
	}
}
