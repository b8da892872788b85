// Package child runs a test of the running test binary in a process of its own, for
// measurements of memory and for thousands of sockets.
package child

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"testing"
)

// Start runs the test with these additions to the environment. In is its standard
// input, which ends when end is called, and that is its sign to end; end waits for it.
func Start(t testing.TB, test string, env ...string) (in io.Writer, out *bufio.Reader, end func()) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^"+test+"$")
	cmd.Env = append(os.Environ(), env...)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return stdin, bufio.NewReader(stdout), func() {
		stdin.Close()
		cmd.Wait()
	}
}
