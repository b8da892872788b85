package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// load is what the clients of a server have seen.
type load struct {
	server *server
	mss    string

	mu     sync.Mutex
	agreed int            // by all clients
	codes  map[string]int // how often mss dial has ended how
}

// run puts the server under load: mss bench, and once a second one of each fault.
func (l *load) run(ctx context.Context, duration time.Duration, rate int) error {
	var running sync.WaitGroup
	var failed error
	running.Go(func() { failed = l.bench(duration, rate) })
	for faults := time.NewTicker(time.Second); ctx.Err() == nil; {
		select {
		case <-ctx.Done():
			faults.Stop()
			continue
		case <-faults.C:
		}
		running.Go(func() { l.dial("/time/1.0.0", "ok") })
		running.Go(func() { l.dial("/down/1.0.0", "") })
		running.Go(func() { l.dial("/fails/1.0.0", "") })
		running.Go(func() { l.dial("/unknown/1.0.0", "exit status 7") })
		running.Go(l.kill)
		for _, sent := range []string{"", "GET / HTTP/1.1\r\n\r\n", "\x13/multi"} {
			running.Go(func() { l.attack(ctx, sent) })
		}
	}
	running.Wait()
	return failed
}

// command returns mss with the address of the server.
func (l *load) command(args ...string) *exec.Cmd {
	args = append(args, "--to", l.server.addr)
	if strings.HasPrefix(l.server.addr, "tls:") || strings.HasPrefix(l.server.addr, "quic:") {
		args = append(args, "--insecure")
	}
	return exec.Command(l.mss, args...)
}

// bench negotiates at a rate. None may fail.
func (l *load) bench(duration time.Duration, rate int) error {
	var result struct{ Succeeded, Failed int }
	out, err := l.command("bench", "/echo/1.0.0", "--json", "--payload", "32", "--rate", fmt.Sprint(rate), "-d", duration.String()).Output()
	if err == nil {
		err = json.Unmarshal(out, &result)
	}
	if err == nil && result.Failed > 0 {
		err = fmt.Errorf("bench: %d of %d have failed", result.Failed, result.Succeeded+result.Failed)
	}
	l.count("bench", result.Succeeded+1) // the first is not measured
	return err
}

func (l *load) count(name string, agreed int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.agreed += agreed
	l.codes[name]++
}

// dial opens a stream of a protocol, and sends nothing. Want is how mss ends if that is known.
func (l *load) dial(protocol, want string) {
	got := "ok"
	if err := l.command("dial", protocol).Run(); err != nil {
		got = err.Error()
	}
	agreed := 1
	if want == "exit status 7" {
		agreed = 0
	}
	if want != "" && got != want {
		got += ", want " + want
	}
	l.count(protocol+" "+got, agreed)
}

// kill agrees on the echo, and is killed when the echo has arrived.
func (l *load) kill() {
	if client := l.hold(); client != nil {
		client.end()
		l.count("killed", 1)
	}
}

// held is mss with an open stream.
type held struct {
	cmd *exec.Cmd
	in  io.Closer
}

// hold agrees on the echo, and returns when a byte is back, or nil.
func (l *load) hold() *held {
	h := &held{cmd: l.command("dial", "/echo/1.0.0")}
	in, err := h.cmd.StdinPipe()
	if err != nil {
		return nil
	}
	h.in = in
	out, err := h.cmd.StdoutPipe()
	if err != nil || h.cmd.Start() != nil {
		return nil
	}
	io.WriteString(in, "x")
	if _, err := io.ReadFull(out, make([]byte, 1)); err != nil {
		h.end()
		return nil
	}
	return h
}

func (h *held) end() {
	h.cmd.Process.Kill()
	h.in.Close()
	h.cmd.Wait()
}

// attack connects where the address is a port of TCP or a unix socket, sends something, and stays
// until the server ends the connection.
func (l *load) attack(ctx context.Context, sent string) {
	network, where := "tcp", l.server.addr
	switch {
	case strings.HasPrefix(where, "unix:"):
		network, where = "unix", strings.TrimPrefix(where, "unix:")
	case strings.HasPrefix(where, "/"):
		parts := strings.Split(where, "/") // /ip4/HOST/tcp/PORT
		network, where = parts[3], parts[2]+":"+parts[4]
	default:
		if scheme, rest, ok := strings.Cut(where, "://"); ok {
			where = rest
			if scheme == "quic" {
				network = "udp"
			}
		}
	}
	conn, err := net.Dial(network, where)
	if err != nil {
		return
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	io.WriteString(conn, sent)
	io.Copy(io.Discard, conn)
}

// check compares the metrics with what the clients have seen. Connections that became links count
// as agreed, too, where they were negotiated.
func (l *load) check(metrics map[string]float64) (err error) {
	agreed := int(metrics["mss_connections_agreed_total"])
	if links := int(metrics["mss_links_accepted_total"]); agreed != l.agreed && agreed != l.agreed+links {
		err = fmt.Errorf("the metrics have %d agreements and %d links, the clients %d", agreed, links, l.agreed)
	}
	if ends := metrics["mss_connections_agreed_total"] + metrics["mss_connections_failed_total"] +
		metrics["mss_connections_answered_total"]; ends != metrics["mss_connections_accepted_total"] {
		err = errors.Join(err, fmt.Errorf("%v accepted, %v ended", metrics["mss_connections_accepted_total"], ends))
	}
	for code := range l.codes {
		if strings.Contains(code, ", want ") {
			err = errors.Join(err, errors.New(code))
		}
	}
	if metrics["mss_panics_total"] != 0 {
		err = errors.Join(err, fmt.Errorf("%v panics", metrics["mss_panics_total"]))
	}
	return err
}
