package hosts

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// requirements has the exact versions of py-libp2p and of all that it imports.
const requirements = "../program/python/requirements.txt"

// python returns an interpreter that has py-libp2p, in a place of its own that is made once
// for these versions. Without Python the test is skipped, but not in CI.
func python(t *testing.T) string {
	t.Helper()
	missing := t.Skipf
	if os.Getenv("CI") != "" {
		missing = t.Fatalf
	}
	system, err := exec.LookPath("python3")
	if err != nil {
		missing("py-libp2p needs Python 3: %v", err)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	versions, err := os.ReadFile(filepath.FromSlash(requirements))
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(cache, "multiselect", fmt.Sprintf("py-libp2p-%.6x", sha256.Sum256(versions)))
	interpreter := filepath.Join(folder, "bin", "python")
	if runtime.GOOS == "windows" {
		interpreter = filepath.Join(folder, "Scripts", "python.exe")
	}
	done := filepath.Join(folder, "complete")
	if _, err := os.Stat(done); err == nil {
		return interpreter
	}
	t.Logf("installing py-libp2p in %s", folder)
	for _, args := range [][]string{
		{system, "-m", "venv", "--clear", folder},
		{interpreter, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--requirement=" + requirements},
	} {
		if said, err := exec.CommandContext(t.Context(), args[0], args[1:]...).CombinedOutput(); err != nil {
			missing("py-libp2p cannot be installed: %v: %.1000s", err, said)
		}
	}
	if err := os.WriteFile(done, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return interpreter
}

// pyHost starts a host of py-libp2p and returns its address.
func pyHost(t *testing.T) string {
	t.Helper()
	cmd := exec.Command(python(t), "host.py")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stdin.Close()
		cmd.Process.Kill() // it takes its time, and says much about it
		cmd.Wait()
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatalf("%v: %s", err, stderr.String())
	}
	return strings.TrimSpace(line)
}

func TestPyLibp2p(t *testing.T) {
	address := pyHost(t)
	speaks(t, address)
	t.Run("dialect", func(t *testing.T) {
		o := mss(t, "", "ls", "-v", "--to", address)
		o.says(t, `    < "/ipfs/id/1.0.0\n`) // one message, and no identify
		if strings.Contains(o.stderr, "does not answer ls") {
			t.Errorf("identify was asked although the host answers ls")
		}
	})
}
