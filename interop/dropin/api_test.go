package dropin

import (
	"os/exec"
	"strings"
	"testing"
)

const (
	theirPath = "github.com/multiformats/go-multistream"
	ourPath   = "github.com/multiselect/multiselect/gomultistream"
	corePath  = "github.com/multiselect/multiselect"
)

// apidiff returns what is incompatible in the exported API of the second package for
// users of the first.
func apidiff(t *testing.T, from, to string) string {
	t.Helper()
	tool := strings.TrimSpace(mustGo(t, checkout(t)+"/tools", nil, "tool", "-n", "apidiff"))
	cmd := exec.Command(tool, "-incompatible", from, to)
	cmd.Env = append(cmd.Environ(), "GOWORK=off")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("apidiff: %v\n%s", err, out)
	}
	return strings.TrimSpace(string(out))
}

// The exported API is go-multistream's, and has nothing else.
func TestAPI(t *testing.T) {
	if got := apidiff(t, theirPath, ourPath); got != "" {
		t.Errorf("incompatible:\n%s", got)
	}
	if got := apidiff(t, ourPath, theirPath); got != "" {
		t.Errorf("more than go-multistream has:\n%s", got)
	}
	if got := apidiff(t, theirPath, corePath); !strings.Contains(got, "MultistreamMuxer: removed") {
		t.Errorf("apidiff does not notice that the core has no MultistreamMuxer:\n%s", got)
	}
}
