package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/internal/streamtest"
	"github.com/multiselect/multiselect/transcript"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/multiselect/multiselect/cmd/mss/internal/address"
)

// patience bounds how long a test waits for an event that should be immediate.
const patience = streamtest.Patience

func readTranscript(ts *testscript.TestScript, file string) transcript.Transcript {
	script, err := transcript.Parse([]byte(ts.ReadFile(file)))
	ts.Check(err)
	return script
}

// cmdPeer starts a responder on a port of its own. Its first connection follows
// the first file, and so on; the last file holds for all that follow.
func cmdPeer(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: peer VAR FILE...")
	}
	var scripts []transcript.Transcript
	for _, file := range args[1:] {
		scripts = append(scripts, readTranscript(ts, file))
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Setenv(args[0], ln.Addr().String())
	stopped := make(chan struct{})
	failed := make(chan error, 16)
	go func() {
		defer close(stopped)
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			script := scripts[0]
			if len(scripts) > 1 {
				scripts = scripts[1:]
			}
			if err := play(conn, script, multiselect.Responder); err != nil {
				failed <- err
			}
		}
	}()
	ts.Defer(func() {
		ln.Close()
		<-stopped
		close(failed)
		for err := range failed {
			ts.Fatalf("peer %s: %v", args[0], err)
		}
	})
}

// cmdClient is an initiator that follows a file.
func cmdClient(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: client ADDR FILE")
	}
	followFile(ts, args[0], args[1]).Close()
}

// cmdHold is cmdClient, and keeps the connection open until the script ends.
func cmdHold(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: hold ADDR FILE")
	}
	conn := followFile(ts, args[0], args[1])
	ts.Defer(func() { conn.Close() })
}

func followFile(ts *testscript.TestScript, where, file string) net.Conn {
	a, err := address.Parse(where)
	ts.Check(err)
	conn, err := net.Dial(a.Network(), a.Where)
	ts.Check(err)
	if err := follow(conn, readTranscript(ts, file), multiselect.Initiator); err != nil {
		conn.Close()
		ts.Fatalf("client %s: %v", file, err)
	}
	return conn
}

// background is the mss that cmdServe started.
type background struct {
	cmd    *exec.Cmd
	exited chan error
	log    string
}

func (b *background) stop(ts *testscript.TestScript) error {
	ts.Check(b.cmd.Process.Signal(syscall.SIGTERM))
	select {
	case err := <-b.exited:
		return err
	case <-time.After(patience):
		return fmt.Errorf("still there %v after SIGTERM", patience)
	}
}

// backgrounds maps the scripts that run to what they have in the background.
// It is shared by all of them; testscript has no other place for it.
var backgrounds = newRegistry()

func cmdServe(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: serve VAR ARG...")
	}
	b := &background{exited: make(chan error, 1), log: ts.MkAbs("log")}
	b.cmd = exec.Command("mss", append([]string{"serve"}, args[1:]...)...)
	b.cmd.Dir = ts.MkAbs(".")
	b.cmd.Env = append(os.Environ(), "GORACE="+quickExit)
	stderr, err := os.Create(b.log)
	ts.Check(err)
	defer stderr.Close()
	b.cmd.Stderr = stderr
	stdout, err := b.cmd.StdoutPipe()
	ts.Check(err)
	ts.Check(b.cmd.Start())
	line, err := bufio.NewReader(stdout).ReadString('\n')
	addr, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "listening ")
	go func() { b.exited <- b.cmd.Wait() }()
	backgrounds.put(ts.Name(), b)
	ts.Defer(func() {
		if b := backgrounds.take(ts.Name()); b != nil {
			b.cmd.Process.Kill()
			<-b.exited
		}
	})
	if !ok {
		ts.Fatalf("first line on standard output: %q, %v", line, err)
	}
	ts.Setenv(args[0], addr)
}

func cmdTerminate(ts *testscript.TestScript, neg bool, args []string) {
	b := backgrounds.take(ts.Name())
	if neg || len(args) > 0 || b == nil {
		ts.Fatalf("usage: terminate, after serve")
	}
	ts.Check(b.stop(ts))
	ts.Logf("[log]\n%s", ts.ReadFile(filepath.Base(b.log)))
}

func cmdExits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: exits CODE [<DURATION] ARG...") // without standard input if there is a duration
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	args = args[1:]
	limit, runs := patience, 1
	if text, ok := strings.CutPrefix(slices.Concat(args, []string{""})[0], "<"); ok {
		limit, err = time.ParseDuration(text)
		ts.Check(err)
		args, runs = args[1:], 10
	}
	// A busy machine delays some runs, and a command that waits for too long does in each.
	took := limit + 1
	for ; runs > 0 && took > limit; runs-- {
		began := time.Now()
		err = ts.Exec("mss", args...)
		took = time.Since(began)
	}
	code := 0
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		code = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if code != want {
		ts.Fatalf("exit code %d, want %d", code, want)
	}
	if took > limit {
		ts.Fatalf("took %v, more than %v", took, limit)
	}
}

// cmdStale creates a socket file without a listener, as a killed process leaves it.
func cmdStale(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: stale FILE")
	}
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: ts.MkAbs(args[0]), Net: "unix"})
	ts.Check(err)
	ln.SetUnlinkOnClose(false)
	ts.Check(ln.Close())
}

func cmdJSONLines(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: jsonlines FILE")
	}
	text := ts.ReadFile(args[0])
	if text == "" {
		ts.Fatalf("no line")
	}
	for line := range strings.Lines(text) {
		if !json.Valid([]byte(line)) {
			ts.Fatalf("not JSON: %s", line)
		}
	}
}

func cmdJSON(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: json FILE")
	}
	if !json.Valid([]byte(ts.ReadFile(args[0]))) {
		ts.Fatalf("%s is not one JSON document", args[0])
	}
}
