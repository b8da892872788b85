package libp2p

import (
	"bufio"
	"debug/buildinfo"
	"os/exec"
	"strings"
	"testing"
)

// Two hosts, with gomultistream in one or in both, talk over TCP and QUIC in all ways
// that need a negotiation. Each is a process of its own.
func TestHosts(t *testing.T) {
	b, err := Build(".", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if !isReplaced(t, b.Ours) || isReplaced(t, b.Original) {
		t.Fatal("the binaries are not what they should be")
	}
	for _, transport := range []string{"tcp", "quic"} {
		for name, pair := range map[string][2]string{
			"ours with ours":         {b.Ours, b.Ours},
			"ours with original":     {b.Ours, b.Original},
			"original with ours":     {b.Original, b.Ours},
			"original with original": {b.Original, b.Original}, // the control
		} {
			t.Run(transport+", "+name, func(t *testing.T) { talk(t, transport, pair[0], pair[1]) })
		}
	}
}

// isReplaced reports what a binary was built with.
func isReplaced(t *testing.T, binary string) bool {
	t.Helper()
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	for _, dep := range info.Deps {
		if dep.Path == replaced {
			return dep.Replace != nil
		}
	}
	t.Fatalf("%s has no %s", binary, replaced)
	return false
}

func talk(t *testing.T, transport, dials, serves string) {
	server := exec.Command(serves, "serve", transport)
	stdin, err := server.StdinPipe() // its end ends the server
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	address, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Error(err)
	}
	out, err := exec.Command(dials, "check", strings.TrimSpace(address)).CombinedOutput()
	if err != nil || string(out) != "ok\n" {
		t.Errorf("%v\n%s", err, out)
	}
	stdin.Close()
	if err := server.Wait(); err != nil {
		t.Error(err)
	}
}
