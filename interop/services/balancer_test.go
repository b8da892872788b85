package main

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/multiselect/multiselect/internal/streamtest"
)

// connectionsEnv is the number of connections through each balancer; .ci/run says 10000.
const connectionsEnv = "SERVICES_CONNECTIONS"

func connections(t *testing.T) int {
	t.Helper()
	text := os.Getenv(connectionsEnv)
	if text == "" {
		return 500
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// Clients of all kinds are served through HAProxy and through Caddy, with the files that
// docs/netmux.md shows, and with the PROXY protocol: without TLS and with it, version 1 and 2. Each
// request and each answer is counted. Two clients that send no header of the PROXY protocol delay
// no other.
func TestBehindBalancer(t *testing.T) {
	t.Run("HAProxy", func(t *testing.T) {
		path, err := exec.LookPath("haproxy")
		switch {
		case err != nil && os.Getenv("CI") != "":
			t.Fatal("there is no haproxy, and CI is set: apt-get install haproxy")
		case err != nil:
			t.Skip("there is no haproxy (apt-get install haproxy); .ci/run plays this test")
		}
		runBehind(t, exec.Command(path, "-db", "-f", "testdata/haproxy.cfg"))
	})
	t.Run("Caddy", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "caddy")
		if out, err := exec.Command("go", "build", "-o", path, "./caddy").CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		runBehind(t, exec.Command(path, "run", "--config", "testdata/Caddyfile"))
	})
}

func runBehind(t *testing.T, balancer *exec.Cmd) {
	server, client := streamtest.TLS(t)
	s, err := newServices()
	if err != nil {
		t.Fatal(err)
	}
	plain, secure, err := s.listen(server, behindBalancer)
	if err != nil {
		t.Fatal(err)
	}
	silent := []net.Conn{connect(t, plain), connect(t, secure)}
	fronts := startBalancer(t, balancer, plain, secure, client)
	n := connections(t)
	before := s.mux.Stats().Agreed
	asked := askMany(t, fronts, n)
	streamtest.Await(t, "the end of the handlers", func() bool {
		for kind := range asked {
			if s.served[kind].Load() < asked[kind].Load() {
				return false
			}
		}
		return true
	})
	for kind := range asked {
		if got, want := s.served[kind].Load(), asked[kind].Load(); got != want {
			t.Errorf("%d requests of kind %d, want %d", got, kind, want)
		}
	}
	st := s.mux.Stats()
	t.Logf("%d connections: %+v", n, st)
	if st.Agreed-before != uint64(n) || st.Evicted+st.Refused+st.Dropped+st.Panics != 0 {
		t.Errorf("%d agreed, want %d", st.Agreed-before, n)
	}
	for _, conn := range silent {
		conn.Close()
	}
	if err := s.shutdown(t.Context()); err != nil {
		t.Error("shutdown:", err)
	}
}

// askMany asks all questions on all fronts, in turn, until n connections were made. It returns
// how many questions of each kind were answered.
func askMany(t *testing.T, fronts []port, n int) (answered *[kinds]atomic.Int64) {
	t.Helper()
	answered = new([kinds]atomic.Int64)
	jobs := make(chan int)
	var clients sync.WaitGroup
	for range 16 {
		clients.Go(func() {
			for i := range jobs {
				p := fronts[i%len(fronts)]
				all := questions(p)
				q := all[i/len(fronts)%len(all)]
				heard, err := q.ask(t.Context(), p)
				if heard != q.want || err != nil {
					t.Errorf("%s through %s, TLS %v: heard %q, %v; want %q", q.name, p.addr, p.tls != nil, heard, err, q.want)
					continue
				}
				answered[q.kind].Add(1)
			}
		})
	}
	for i := range n {
		jobs <- i
	}
	close(jobs)
	clients.Wait()
	return answered
}

// startBalancer starts a balancer, and returns its four ports when they accept connections.
func startBalancer(t *testing.T, balancer *exec.Cmd, plain, secure string, client *tls.Config) (fronts []port) {
	t.Helper()
	balancer.Env = append(os.Environ(), "NETMUX_PLAIN="+plain, "NETMUX_TLS="+secure, "HOME="+t.TempDir())
	for _, name := range []string{"PLAIN", "PLAIN_V2", "TLS", "TLS_V2"} {
		l := streamtest.Listen(t, "tcp")
		p := port{addr: l.Addr().String()}
		l.Close()
		if strings.HasPrefix(name, "TLS") {
			p.tls = client
		}
		fronts = append(fronts, p)
		balancer.Env = append(balancer.Env, name+"="+p.addr)
	}
	var log bytes.Buffer
	balancer.Stdout, balancer.Stderr = &log, &log
	if err := balancer.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- balancer.Wait() }()
	t.Cleanup(func() {
		balancer.Process.Kill()
		<-ended
		if t.Failed() {
			t.Logf("%s wrote:\n%s", balancer.Path, log.Bytes()[:min(log.Len(), 10_000)])
		}
	})
	for _, p := range fronts {
		streamtest.Await(t, fmt.Sprintf("the start of %s", balancer.Path), func() bool {
			conn, err := net.Dial("tcp", p.addr)
			if err == nil {
				conn.Close()
				return true
			}
			if len(ended) > 0 {
				t.Fatalf("%s has ended", balancer.Path)
			}
			return false
		})
	}
	return fronts
}

func connect(t *testing.T, addr string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// The files that balancers run with here are those of docs/netmux.md.
func TestDocumentedFiles(t *testing.T) {
	page, err := os.ReadFile("../../docs/netmux.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"haproxy.cfg", "Caddyfile"} {
		file, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(page, append([]byte("```\n"), append(file, "```\n"...)...)) {
			t.Errorf("docs/netmux.md does not contain testdata/%s as it is", name)
		}
	}
}
