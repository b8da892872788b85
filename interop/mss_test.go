package interop

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/multiselect/multiselect/transcript"
)

// This file builds mss and runs it as a process.

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "interop")
	if err != nil {
		panic(err)
	}
	mssPath = filepath.Join(dir, "mss")
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

var mssPath string

// buildMSS builds the tool of this working tree, with the race detector if this
// test has it.
var buildMSS = sync.OnceValue(func() error {
	args := []string{"build", "-o", mssPath}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "-race" {
				args = append(args, "-race="+s.Value)
			}
		}
	}
	build := exec.Command("go", append(args, ".")...)
	build.Dir = filepath.Join("..", "cmd", "mss")
	build.Env = append(os.Environ(), "GOWORK=off") // with the versions that its go.mod names
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("%v: %w\n%s", build, err, out)
	}
	return nil
})

// command returns an mss command that a test which hangs takes down with it.
func command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	if err := buildMSS(); err != nil {
		t.Fatal(err)
	}
	limited, cancel := context.WithTimeout(ctx, patience)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(limited, mssPath, args...)
	// The race detector makes every process sleep for a second at its end.
	cmd.Env = append(os.Environ(), "NO_COLOR=1", "GORACE=atexit_sleep_ms=0")
	return cmd
}

// result is what a run of mss left behind.
type result struct {
	code           int
	stdout, stderr string
}

func runMSS(t *testing.T, stdin string, args ...string) result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := command(t, args...)
	cmd.Stdin = strings.NewReader(stdin)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
		t.Fatal(err)
	}
	return result{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// served is an mss serve that runs.
type served struct {
	address string
	log     stderr
	cmd     *exec.Cmd
}

func serveMSS(t *testing.T, args ...string) *served {
	t.Helper()
	s := &served{cmd: command(t, append([]string{"serve"}, args...)...)}
	s.log.changed = make(chan struct{}, 1)
	s.cmd.Stderr = &s.log
	stdout, err := s.cmd.StdoutPipe()
	if err == nil {
		err = s.cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.cmd.Process.Kill() // does nothing to a process that has ended
		s.cmd.Wait()
	})
	if _, err := fmt.Fscanf(stdout, "listening %s\n", &s.address); err != nil {
		t.Fatalf("the first line of mss serve: %v", err)
	}
	go io.Copy(io.Discard, stdout)
	return s
}

// stop ends it in the friendly way and returns what it wrote.
func (s *served) stop(t *testing.T) string {
	t.Helper()
	s.cmd.Process.Signal(syscall.SIGTERM)
	if err := s.cmd.Wait(); err != nil {
		t.Errorf("mss serve: %v\n%s", err, s.log.String())
	}
	return s.log.String()
}

// stderr collects what a process writes while it runs.
type stderr struct {
	mu      sync.Mutex
	text    strings.Builder
	changed chan struct{}
}

func (l *stderr) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case l.changed <- struct{}{}:
	default:
	}
	return l.text.Write(p)
}

func (l *stderr) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// await waits until a part of the text was written.
func (l *stderr) await(t *testing.T, part string) {
	t.Helper()
	expired := time.After(patience)
	for !strings.Contains(l.String(), part) {
		select {
		case <-l.changed:
		case <-expired:
			t.Fatalf("mss serve did not say %q, but\n%s", part, l)
		}
	}
}

// conversation reads what -v wrote, or what a test expects, without comments and
// without what is no transcript: the messages that begin with "mss: ".
func conversation(t *testing.T, notation string) string {
	t.Helper()
	var lines strings.Builder
	for line := range strings.Lines(strings.ReplaceAll(notation, "\t", "")) {
		if !strings.HasPrefix(line, "mss: ") {
			lines.WriteString(line)
		}
	}
	parsed, err := transcript.Parse([]byte(lines.String()))
	if err != nil {
		t.Fatalf("%v in\n%s", err, notation)
	}
	var said transcript.Transcript
	for _, line := range parsed {
		// Where writes begin is visible on one side only.
		line.Break, line.Comment = false, ""
		if line.Kind != transcript.KindComment {
			said = append(said, line)
		}
	}
	return said.String()
}
