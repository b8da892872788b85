package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/cmd/mss/internal/address"
	"github.com/multiselect/multiselect/cmd/mss/internal/attempt"
	"github.com/multiselect/multiselect/cmd/mss/internal/transport"
	"github.com/multiselect/multiselect/internal/flood"
	"github.com/multiselect/multiselect/internal/streamtest"
)

const (
	floodEnv   = "MSS_FLOOD"    // the number of paired runs that measure times
	floodToEnv = "MSS_FLOOD_TO" // the address of a server to attack, in place of those of the test
	floodEcho  = "/echo/1.0.0"
)

// floodKinds are the attackers of each form of address. All come back immediately when their
// connection ends.
var floodKinds = map[string][]address.Form{
	"come back": {address.TCP, address.Unix, address.TLS, address.Yamux, address.Libp2p},
	"drip":      {address.TCP, address.Unix, address.TLS, address.Yamux, address.Libp2p},
	"start TLS": {address.TLS},
	"agree":     {address.TCP, address.Unix, address.TLS, address.Yamux, address.QUIC, address.Libp2p, address.Libp2pQUIC},
	"link":      {address.Yamux, address.QUIC, address.Libp2p, address.Libp2pQUIC},
}

// Attackers of each kind, half as many again as mss serve has room for, meet it on each form of
// address. No honest client is refused, and afterwards the server has its descriptors back. With
// MSS_FLOOD=9 the times of honest clients are compared in nine paired runs, idle and attacked, with
// attackers that come back as fast as they can. Then those for whom the server does a handshake are
// as many as it has room for: one more would take all of its CPU.
func TestServeFlood(t *testing.T) {
	pairs, calls, bound, perCall := floodSize(t)
	for _, listen := range floodAddresses(t) {
		s := startFlooded(t, listen, bound)
		for _, kind := range slices.Sorted(maps.Keys(floodKinds)) {
			if !slices.Contains(floodKinds[kind], s.peer.Address.Form) {
				continue
			}
			t.Run(fmt.Sprintf("%s, %s", listen, kind), func(t *testing.T) {
				flood.Measure(t, 1, s.honest)
				idle := s.open(t)
				attackers := bound * 3 / 2
				if perCall == 0 && costsHandshake(kind, s.peer.Address.Form) {
					attackers = bound
				}
				f := flood.Compare(t, pairs, calls, s.honest, func() *flood.Flood {
					return flood.Start(t, flood.Plan{
						Test: "TestServeFloodAttackers", Kind: kind, Address: s.addr,
						Attackers: attackers, PerCall: perCall, CPU: runtime.NumCPU() - 1,
					})
				}, func() {
					streamtest.Await(t, "the end of all connections", func() bool { return s.open(t) <= idle })
				})
				t.Logf("%d attackers: %v; %d descriptors, %s", attackers, f, s.open(t), s.memory(t))
				if os.Getenv(floodEnv) != "" && (f.R50 > 2 || f.R99 > 4) {
					t.Errorf("p50 %.2f × idle, want 2 at most; p99 %.2f × idle, want 4 at most", f.R50, f.R99)
				}
			})
		}
		s.stop(t)
	}
}

// costsHandshake reports whether the server does a handshake for each attack.
func costsHandshake(kind string, form address.Form) bool {
	switch kind {
	case "start TLS":
		return true
	case "agree", "link":
		return form != address.TCP && form != address.Unix && form != address.Yamux
	}
	return false
}

// floodSize returns the size of the test: a small one, or that of a measurement.
func floodSize(t *testing.T) (pairs, calls, bound, perCall int) {
	t.Helper()
	text := os.Getenv(floodEnv)
	if text == "" {
		return 1, 6, 32, 8
	}
	pairs, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	if runtime.NumCPU() > 1 {
		flood.Pin(t, 0)
	}
	return pairs, 400, 1000, 0
}

func floodAddresses(t *testing.T) []string {
	t.Helper()
	if to := os.Getenv(floodToEnv); to != "" {
		return []string{to}
	}
	return []string{
		"127.0.0.1:0", "unix:" + filepath.Join(t.TempDir(), "s"), "tls://127.0.0.1:0", "yamux://127.0.0.1:0",
		"quic://127.0.0.1:0", "/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.1/udp/0/quic-v1",
	}
}

// flooded is a server that is attacked.
type flooded struct {
	addr string
	peer *attempt.Peer
	cmd  *exec.Cmd // nil if it was started by someone else
}

func startFlooded(t *testing.T, listen string, bound int) *flooded {
	t.Helper()
	s := &flooded{addr: listen}
	if os.Getenv(floodToEnv) == "" {
		n := strconv.Itoa(bound)
		s.cmd = exec.Command("mss", "serve", "--listen", listen, "--max-half-open", n, "--max-active", n, "--max-links", n)
		out, err := s.cmd.StdoutPipe()
		if err == nil {
			cpu := flood.AnyCPU
			if os.Getenv(floodEnv) != "" {
				cpu = 0
			}
			flood.OnCPU(t, cpu, func() { err = s.cmd.Start() })
		}
		if err != nil {
			t.Fatal(err)
		}
		line, err := bufio.NewReader(out).ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		s.addr = strings.TrimPrefix(strings.TrimSpace(line), "listening ")
	}
	s.peer = floodedPeer(t, s.addr)
	return s
}

func floodedPeer(t testing.TB, addr string) *attempt.Peer {
	t.Helper()
	a, err := address.Parse(addr)
	if err != nil {
		t.Fatal(err)
	}
	return attempt.NewPeer(a, addr, &transport.Trust{Insecure: a.Form.HasCertificates()})
}

// honest connects, agrees on the echo, sends a byte, and expects it back.
func (s *flooded) honest() error {
	link, stream, err := agreeWith(s.peer)
	if err != nil {
		return err
	}
	defer link.Close()
	b := []byte{'h'}
	if _, err := stream.Write(b); err != nil {
		return err
	}
	if _, err := io.ReadFull(stream, b); err != nil || b[0] != 'h' {
		return fmt.Errorf("echoed %q, %w", b, err)
	}
	return stream.Close()
}

// agreeWith connects to a peer, and agrees on the echo. Both results must be closed.
func agreeWith(p *attempt.Peer) (transport.Link, transport.Stream, error) {
	ctx, cancel := context.WithTimeout(context.Background(), streamtest.Patience)
	defer cancel()
	link, err := p.Connect(ctx)
	if err != nil {
		return nil, nil, err
	}
	stream, err := link.Open(ctx)
	if err == nil {
		if _, err = new(multiselect.Client).SelectOneOf(ctx, stream, floodEcho); err == nil {
			return link, stream, nil
		}
		stream.Close()
	}
	link.Close()
	return nil, nil, err
}

// open returns how many descriptors the server has open.
func (s *flooded) open(t *testing.T) int {
	t.Helper()
	if s.cmd == nil {
		return 0
	}
	files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", s.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	return len(files)
}

// memory returns the memory of the server.
func (s *flooded) memory(t *testing.T) string {
	t.Helper()
	if s.cmd == nil {
		return "of another session"
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	line, _, _ := strings.Cut(rest, "\n")
	return strings.TrimSpace(line) + " resident"
}

// stop ends the server, which must exit with 0.
func (s *flooded) stop(t *testing.T) {
	t.Helper()
	s.peer.Stop()
	if s.cmd == nil {
		return
	}
	s.cmd.Process.Signal(syscall.SIGTERM)
	if err := s.cmd.Wait(); err != nil {
		t.Errorf("%s: %v", s.addr, err)
	}
}

// TestServeFloodAttackers is the child process that attacks.
func TestServeFloodAttackers(t *testing.T) {
	flood.Serve(t, func(kind, addr string) (flood.Attack, error) {
		p := floodedPeer(t, addr)
		dial := func() (net.Conn, error) { return net.Dial(p.Address.Network(), p.Address.Where) }
		switch kind {
		case "come back":
			return flood.Return(dial), nil
		case "drip":
			return flood.Drip(dial, 50*time.Millisecond), nil
		case "start TLS":
			return flood.StartTLS(dial), nil
		case "agree":
			return func(arrived func()) error {
				link, stream, err := agreeWith(p)
				if err != nil {
					return err
				}
				defer link.Close()
				arrived()
				_, err = io.Copy(io.Discard, stream)
				return err
			}, nil
		case "link":
			return func(arrived func()) error {
				link, err := p.Connect(context.Background())
				if err != nil {
					return err
				}
				defer link.Close()
				arrived()
				time.Sleep(10 * time.Second) // pings are those of the multiplexer
				return nil
			}, nil
		}
		return nil, fmt.Errorf("no kind %q", kind)
	})
}
