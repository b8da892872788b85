package hosts

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// patience is how long one command may take.
const patience = 30 * time.Second

// binary is the tool, built for this run.
var binary string

func TestMain(m *testing.M) {
	folder, err := os.MkdirTemp("", "mss")
	if err == nil {
		binary = filepath.Join(folder, "mss")
		build := exec.Command("go", "build", "-o", binary, ".")
		build.Dir = filepath.Join("..", "..", "..", "cmd", "mss")
		build.Env = append(os.Environ(), "GOWORK=off")
		var said []byte
		if said, err = build.CombinedOutput(); err != nil {
			err = fmt.Errorf("%w: %s", err, said)
		}
	}
	code := 1
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	} else {
		code = m.Run()
	}
	os.RemoveAll(folder)
	os.Exit(code)
}

// outcome is what a command has left.
type outcome struct {
	stdout, stderr string
	code           int
}

// mss runs the tool with text on its standard input.
func mss(t *testing.T, stdin string, args ...string) outcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Stdin = strings.NewReader(stdin)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	o := outcome{stdout: stdout.String(), stderr: stderr.String()}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		o.code = exit.ExitCode()
	} else if err != nil {
		t.Fatal(err)
	}
	t.Logf("mss %s: %d\n%s%s", strings.Join(args, " "), o.code, o.stdout, o.stderr)
	return o
}

// want fails the test unless the outcome is that.
func (o outcome) want(t *testing.T, code int, stdout string) {
	t.Helper()
	if o.code != code || o.stdout != stdout {
		t.Errorf("exit code %d, standard output %q; want %d, %q", o.code, o.stdout, code, stdout)
	}
}

// says fails the test unless standard error has these lines, in this order.
func (o outcome) says(t *testing.T, lines ...string) {
	t.Helper()
	rest := o.stderr
	for _, line := range lines {
		i := strings.Index("\n"+rest, "\n"+line)
		if i < 0 {
			t.Errorf("standard error has no line %q where it should:\n%s", line, o.stderr)
			return
		}
		rest = rest[i+len(line):]
	}
}

// serve starts mss serve and returns its address.
func serve(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.Command(binary, append([]string{"serve"}, args...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			t.Errorf("mss serve: %v\n%s", err, stderr.String())
		}
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	address, ok := strings.CutPrefix(strings.TrimSpace(line), "listening ")
	if !ok {
		t.Fatalf("first line %q, %v", line, err)
	}
	return address
}

// speaks checks that a host answers every verb that asks: it serves /echo/1.0.0
// and nothing like it.
func speaks(t *testing.T, address string) {
	t.Run("probe", func(t *testing.T) {
		mss(t, "", "probe", "--to", address, "/echo/1.0.0", "/no/1.0.0").want(t, 1, "/echo/1.0.0 yes\n/no/1.0.0 no\n")
	})
	t.Run("dial", func(t *testing.T) {
		mss(t, "hello", "dial", "--to", address, "/echo/2.0.0", "/echo/1.0.0").want(t, 0, "hello")
	})
	t.Run("dial lazily", func(t *testing.T) {
		mss(t, "hello", "dial", "--lazy", "--to", address, "/echo/1.0.0").want(t, 0, "hello")
	})
	t.Run("refused", func(t *testing.T) {
		o := mss(t, "", "dial", "--to", address, "/echo/2.0.0")
		o.want(t, 7, "")
		o.says(t, "mss: nothing in common", "mss:   nearest   /echo/1.0.0 differs")
	})
	t.Run("ls", func(t *testing.T) {
		o := mss(t, "", "ls", "--to", address)
		if o.code != 0 || !strings.Contains(o.stdout, "/echo/1.0.0\n") || !strings.Contains(o.stdout, "/ipfs/id/1.0.0\n") {
			t.Errorf("exit code %d, standard output %q", o.code, o.stdout)
		}
	})
}
