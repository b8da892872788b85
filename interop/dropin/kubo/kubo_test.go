//go:build kubo

package kubo

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/multiselect/multiselect/interop/dropin/swap"
)

const (
	module  = "github.com/ipfs/kubo"
	version = "v0.42.0"
	size    = 10_000_000 // bytes of the file
)

// Two nodes exchange a file in both directions over TCP and QUIC, whichever of them has
// gomultistream.
func TestNodes(t *testing.T) {
	ours, original := build(t)
	testTool(t, original)
	for _, transport := range []string{"/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.1/udp/0/quic-v1"} {
		for name, pair := range map[string][2]string{
			"ours and ours":         {ours, ours},
			"ours and original":     {ours, original},
			"original and ours":     {original, ours},
			"original and original": {original, original}, // the control
		} {
			t.Run(strings.Split(transport, "/")[3]+", "+name, func(t *testing.T) {
				a, b := start(t, pair[0], transport), start(t, pair[1], transport)
				a.run(nil, "swarm", "connect", b.address())
				a.run(nil, "ping", "-n", "1", b.id)
				exchange(t, a, b)
				exchange(t, b, a)
			})
		}
	}
}

// testTool has the tool, mss, talk to a node as it is published: it climbs to a
// stream, proposes, and learns from identify what ls does not tell.
func testTool(t *testing.T, original string) {
	mss := filepath.Join(t.TempDir(), "mss")
	build := exec.Command("go", "build", "-o", mss, ".")
	build.Dir = filepath.Join("..", "..", "..", "cmd", "mss")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	const ping = "/ipfs/ping/1.0.0"
	for _, transport := range []string{"/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.1/udp/0/quic-v1"} {
		t.Run("mss, "+strings.Split(transport, "/")[3], func(t *testing.T) {
			n := start(t, original, transport)
			for _, tc := range []struct {
				args  []string
				stdin string
				want  string
			}{
				{[]string{"ls"}, "", ping + "\n"},
				{[]string{"probe", ping, "/nobody/1.0.0"}, "", ping + " yes\n/nobody/1.0.0 no\n"},
				{[]string{"dial", ping}, strings.Repeat("p", 32), strings.Repeat("p", 32)},
				{[]string{"dial", "--lazy", ping}, strings.Repeat("l", 32), strings.Repeat("l", 32)},
			} {
				args := append([]string{tc.args[0], "--to", n.address()}, tc.args[1:]...)
				cmd := exec.Command(mss, args...)
				cmd.Stdin = strings.NewReader(tc.stdin)
				var stderr bytes.Buffer
				cmd.Stderr = &stderr
				out, err := cmd.Output()
				refused := tc.args[0] == "probe" && err != nil // exit 1: one of them is not spoken
				if err != nil && !refused || !strings.Contains(string(out), tc.want) {
					t.Errorf("mss %s: %v\n%s%s", strings.Join(args, " "), err, out, stderr.Bytes())
				}
			}
		})
	}
}

// build builds kubo twice.
func build(t *testing.T) (ours, original string) {
	dir := t.TempDir()
	m, err := swap.Prepare(dir, module, version)
	if err != nil {
		t.Fatal(err)
	}
	ours, original = filepath.Join(dir, "ours"), filepath.Join(dir, "original")
	for binary, modfile := range map[string]string{ours: m.Ours, original: m.Original} {
		if _, err := swap.Command(m.Dir, "build", "-modfile="+modfile, "-o", binary, "./cmd/ipfs"); err != nil {
			t.Fatal(err)
		}
	}
	return ours, original
}

// node is a running node.
type node struct {
	t                *testing.T
	binary, repo, id string
}

// start makes a node that knows nobody, and stops it when the test ends.
func start(t *testing.T, binary, transport string) *node {
	n := &node{t: t, binary: binary, repo: t.TempDir()}
	n.run(nil, "init", "--profile=test")
	n.run(nil, "config", "--json", "Addresses.Swarm", fmt.Sprintf("[%q]", transport))
	n.run(nil, "config", "Routing.Type", "none")
	n.id = strings.TrimSpace(n.run(nil, "config", "Identity.PeerID"))
	daemon := n.command("daemon")
	out, err := daemon.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := daemon.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		n.run(nil, "shutdown")
		if err := daemon.Wait(); err != nil {
			t.Error(err)
		}
	})
	var said []byte
	for !bytes.Contains(said, []byte("Daemon is ready")) {
		p := make([]byte, 1024)
		n, err := out.Read(p)
		if said = append(said, p[:n]...); err != nil {
			t.Fatalf("%v\n%s", err, said)
		}
	}
	return n
}

func (n *node) command(args ...string) *exec.Cmd {
	cmd := exec.Command(n.binary, args...)
	cmd.Env = append(os.Environ(), "IPFS_PATH="+n.repo, "IPFS_TELEMETRY=off")
	return cmd
}

func (n *node) run(stdin []byte, args ...string) string {
	n.t.Helper()
	cmd := n.command(args...)
	cmd.Stdin = bytes.NewReader(stdin)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		n.t.Fatalf("ipfs %s: %v\n%s", strings.Join(args, " "), err, stderr.Bytes())
	}
	return string(out)
}

func (n *node) address() string {
	n.t.Helper()
	return strings.Fields(n.run(nil, "swarm", "addrs", "local"))[0] + "/p2p/" + n.id
}

// exchange adds a file at one node and reads it at the other.
func exchange(t *testing.T, from, to *node) {
	t.Helper()
	file := make([]byte, size)
	rand.Read(file)
	cid := strings.TrimSpace(from.run(file, "add", "-Q"))
	if got := to.run(nil, "cat", "--timeout=1m", cid); got != string(file) {
		t.Errorf("%d bytes arrived of %d, or others", len(got), len(file))
	}
}
