package netmux_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/multiselect/multiselect/internal/flood"
	"github.com/multiselect/multiselect/internal/streamtest"
)

// A server with few file descriptors, and more attackers than it has.
const (
	descriptors = 256
	attackers   = 400
	checkoutEnv = "NETMUX_FLOOD_BASE" // the folder of another checkout, to compare with
)

// Honest clients are served concurrently with attackers that hold all descriptors and come back immediately
// when they are reset: those that stay silent, and those that agree on a protocol and stay.
// Afterwards the server has its descriptors back. With NETMUX_FLOOD=9 p50 is at most twice that
// of the idle server in nine paired runs; NETMUX_FLOOD_BASE measures another checkout, too.
func TestDescriptorFlood(t *testing.T) {
	pairs, calls := 1, 25
	if n := floodPairs(t); n > 0 {
		pairs, calls = n, 100
	}
	for _, kind := range []string{returning, agreeing} {
		t.Run(kind, func(t *testing.T) {
			f := floodDescriptors(t, "", kind, pairs, calls)
			if floodPairs(t) > 0 && f.R50 > 2 {
				t.Errorf("p50 %.2f × idle, want 2 at most", f.R50)
			}
			if base := os.Getenv(checkoutEnv); base != "" && kind == returning { // agreeing ones stay there
				floodDescriptors(t, base, kind, 1, 10)
			}
		})
	}
}

// floodDescriptors attacks a server of this checkout, or of another one. On a busy machine a
// client can be slower than its turn to be evicted: the call is repeated, and its time is that of
// all attempts.
func floodDescriptors(t *testing.T, checkout, kind string, pairs, calls int) flood.Figures {
	t.Helper()
	s := startServer(t, buildServer(t, checkout))
	a := &attacked{kind: kind, addr: s.addr}
	resets := 0
	f := flood.Compare(t, pairs, calls, func() (err error) {
		streamtest.Await(t, "an honest client to be served", func() bool {
			if err = a.honest(); err != nil {
				resets++
			}
			return err == nil
		})
		return err
	}, func() *flood.Flood {
		return flood.Start(t, flood.Plan{
			Test: "TestFloodAttackers", Kind: kind, Address: s.addr, Attackers: attackers, CPU: runtime.NumCPU() - 1,
		})
	}, func() {
		streamtest.Await(t, "the end of all connections", func() bool { return s.open(t) <= s.idle })
	})
	t.Logf("%d attackers, %d descriptors, checkout %q: %v; %d of %d calls were repeated",
		attackers, descriptors, checkout, f, resets, 2*pairs*calls)
	return f
}

// buildServer builds testdata/server, with package netmux of this checkout or of another one.
func buildServer(t *testing.T, checkout string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "server")
	build := exec.Command("go", "build", "-o", path, "./testdata/server")
	if checkout != "" {
		folder := t.TempDir()
		source, err := os.ReadFile("testdata/server/main.go")
		if err != nil {
			t.Fatal(err)
		}
		module := "module server\n\ngo 1.26\n\nrequire github.com/multiselect/multiselect v0.0.0\n\n" +
			"replace github.com/multiselect/multiselect => " + checkout + "\n"
		for name, text := range map[string]string{"main.go": string(source), "go.mod": module} {
			if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		build = exec.Command("go", "build", "-mod=mod", "-o", path, ".")
		build.Dir, build.Env = folder, append(os.Environ(), "GOWORK=off")
	}
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return path
}

// fewDescriptors is a server in a process of its own.
type fewDescriptors struct {
	addr string
	pid  int
	idle int // descriptors before the first connection
}

// open returns how many descriptors the server has open.
func (s *fewDescriptors) open(t *testing.T) int {
	t.Helper()
	files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", s.pid))
	if err != nil {
		t.Fatal(err)
	}
	return len(files)
}

// startServer runs a server until the test ends.
func startServer(t *testing.T, path string) *fewDescriptors {
	t.Helper()
	cmd := exec.Command("sh", "-c", fmt.Sprintf("ulimit -n %d && exec %q", descriptors, path))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	flood.OnCPU(t, 0, func() { err = cmd.Start() })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		io.Copy(io.Discard, out)
		cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	s := &fewDescriptors{addr: strings.TrimSpace(line), pid: cmd.Process.Pid}
	s.idle = s.open(t) // it listens, so that it has those of the network poller
	return s
}
