package dropin

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// internals is what go-multistream's tests take from inside its package.
const internals = `package multistream

import (
	"io"

	"github.com/multiselect/multiselect/wire"
)

func delimWrite(w io.Writer, message []byte) error {
	_, err := w.Write(wire.AppendMessage(nil, string(message)))
	return err
}
`

// go-multistream's own tests pass with gomultistream in its place: in a directory
// of their own, with its name. One is left out: it is about a lock that gomultistream
// does not have.
func TestUpstream(t *testing.T) {
	dir := t.TempDir()
	sources, err := filepath.Glob(filepath.Join(checkout(t), "gomultistream", "*.go"))
	if err != nil || len(sources) == 0 {
		t.Fatal(sources, err)
	}
	for _, name := range sources {
		if !strings.HasSuffix(name, "_test.go") {
			write(t, dir, filepath.Base(name), read(t, name))
		}
	}
	tests, _, found := strings.Cut(read(t, filepath.Join(moduleDir(t, theirPath), "multistream_test.go")), "func TestOnceFunc(")
	if !found {
		t.Fatal("there is no TestOnceFunc to leave out")
	}
	write(t, dir, "multistream_test.go", tests+"var _ sync.Mutex // imported for what was left out\n")
	write(t, dir, "internals_test.go", internals)
	write(t, dir, "go.mod", fmt.Sprintf("module %s\n\ngo 1.26.0\n\nrequire %s v0.0.0\n\nreplace %[2]s => %s\n", theirPath, corePath, checkout(t)))

	wanted := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`).FindAllStringSubmatch(tests, -1) {
		wanted[m[1]] = true
	}
	out, err := goCommand(t, dir, nil, "test", "-json", "-race", "-count=3", ".")
	total, said := len(wanted), map[string]string{}
	for line := range strings.Lines(out) {
		var event struct{ Action, Test, Output string }
		if json.Unmarshal([]byte(line), &event) != nil {
			t.Error(line) // of the compiler
		}
		switch event.Action {
		case "run":
			said[event.Test] = ""
		case "output":
			said[event.Test] += event.Output
		case "pass":
			delete(wanted, event.Test)
		case "fail":
			t.Errorf("%s fails\n%s", event.Test, said[event.Test])
		}
	}
	if err != nil {
		t.Error(err)
	}
	for name := range wanted {
		t.Errorf("%s was not seen to pass", name)
	}
	t.Logf("%d of go-multistream's tests pass", total-len(wanted))
}
