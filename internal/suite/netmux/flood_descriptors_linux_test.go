package netmux_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/multiselect/multiselect/internal/flood"
)

const (
	descriptors = "256"
	checkoutEnv = "NETMUX_FLOOD_BASE" // the folder of another checkout, to compare with
)

// A server with 256 descriptors serves honest clients beside 400 silent ones, which come back when
// they are ended; the time of a call includes those that were reset. With NETMUX_FLOOD=9, p50 is at most twice that of an idle server in nine paired
// runs, and NETMUX_FLOOD_BASE compares with another checkout.
func TestDescriptors(t *testing.T) {
	pairs, calls := 1, 50
	text := os.Getenv(pairsEnv)
	if text != "" {
		var err error
		if pairs, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
		calls = 200
	}
	f := floodDescriptors(t, "", pairs, calls)
	t.Logf("%s descriptors, 400 silent clients: %v", descriptors, f)
	if text != "" && f.R50 > 2 {
		t.Errorf("p50 %.2f × idle, want 2 at most", f.R50)
	}
	if base := os.Getenv(checkoutEnv); base != "" {
		was := floodDescriptors(t, base, 1, 20)
		t.Logf("the same at %s: %v", base, was)
	}
}

// floodDescriptors attacks a server of this checkout, or of another one.
func floodDescriptors(t *testing.T, checkout string, pairs, calls int) flood.Figures {
	t.Helper()
	a := &attacked{kind: returning, addr: startServer(t, buildServer(t, checkout))}
	resets := 0
	again := func() error { // after a reset: 400 others have come since
		err := a.honest()
		for ; errors.Is(err, syscall.ECONNRESET); err = a.honest() {
			resets++
		}
		return err
	}
	defer func() { t.Logf("%d of %d honest calls were reset and made again", resets, 2*pairs*calls) }()
	return flood.Compare(t, pairs, calls, again, func() *flood.Flood {
		return flood.Start(t, flood.Plan{
			Test: "TestFloodAttackers", Kind: a.kind, Address: a.addr, Attackers: 400, CPU: flood.AnyCPU,
		})
	}, func() {})
}

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

// startServer runs a server with few descriptors until the test ends, and returns its address.
func startServer(t *testing.T, path string) (addr string) {
	t.Helper()
	cmd := exec.Command("sh", "-c", fmt.Sprintf("ulimit -n %s && exec %q", descriptors, path))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
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
	return strings.TrimSpace(line)
}
