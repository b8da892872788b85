package netmux_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/multiselect/multiselect/internal/child"
	"github.com/multiselect/multiselect/internal/streamtest"
	"github.com/multiselect/multiselect/netmux"
	"github.com/multiselect/multiselect/wire"
)

// Many silent and dripping clients on real sockets, in a process of their own: 500,
// or as many as NETMUX_CLIENTS says; .ci/run says 10000.
const (
	clientsEnv = "NETMUX_CLIENTS"
	floodEnv   = "NETMUX_FLOOD_ADDRESS" // the address, for the child
	working    = 100                    // connections in handlers
	honest     = 400                    // dials that are timed
)

func floodSize(t *testing.T) int {
	t.Helper()
	text := os.Getenv(clientsEnv)
	if text == "" {
		return 500
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// An honest client is served while all others, from the same address, are silent or drip, both
// below the limit and above it, where the oldest are evicted. Then Shutdown ends within its
// context, with connections in handlers and new ones arriving, and leaves no goroutine and no
// descriptor.
func TestFlood(t *testing.T) {
	n := floodSize(t)
	for name, limit := range map[string]int{"room for all": 2 * n, "room for 4 in 10": n * 4 / 10} {
		t.Run(name, func(t *testing.T) {
			goroutines, descriptors := runtime.NumGoroutine(), openFiles(t)
			s := &netmux.Server{MaxHalfOpen: limit, Logger: quiet}
			s.Muxer.Limits.Timeout = streamtest.Patience
			var full sync.WaitGroup
			full.Add(n + honest)
			s.ConnState = func(_ net.Conn, state netmux.ConnState) {
				if state == netmux.StateNew && s.Stats().Accepted <= uint64(n+honest) {
					full.Done()
				}
			}
			echoing(t, s, echo)
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			served := make(chan error, 1)
			go func() { served <- s.Serve(l) }()
			d := &netmux.Dialer{Protocols: []string{echo}}
			addr := l.Addr().String()
			idle := timeHonest(t, d, addr)
			stopFlood := startFlood(t, addr, n)
			full.Wait()
			attacked := timeHonest(t, d, addr)
			st := s.Stats()
			t.Logf("%d silent or dripping, %d half-open, %d evicted: an honest client's p50 is %v (idle %v), p99 %v (idle %v)", n,
				st.HalfOpen, st.Evicted, percentile(attacked, 50), percentile(idle, 50), percentile(attacked, 99), percentile(idle, 99))
			if want := min(n, limit); st.HalfOpen < want*9/10 || st.HalfOpen > limit {
				t.Errorf("%+v, want %d half-open", st, want)
			}
			shutDown(t, s, d, addr)
			if err := <-served; err != netmux.ErrServerClosed {
				t.Error(err)
			}
			stopFlood()
			checkEnded(t, s)
			streamtest.Await(t, "the end of all goroutines and descriptors", func() bool {
				return runtime.NumGoroutine() <= goroutines && openFiles(t) <= descriptors
			})
		})
	}
}

// timeHonest returns how long each of many dials with an echo takes, sorted.
func timeHonest(t *testing.T, d *netmux.Dialer, addr string) (all []time.Duration) {
	t.Helper()
	for range honest {
		start := time.Now()
		conn := dial(t, d, addr)
		checkEcho(t, conn, "honest")
		all = append(all, time.Since(start))
		conn.Close()
	}
	slices.Sort(all)
	return all
}

func percentile(sorted []time.Duration, p int) time.Duration {
	return sorted[len(sorted)*p/100].Round(time.Microsecond)
}

// shutDown shuts down with connections in handlers, which RegisterOnShutdown ends, and with
// others arriving.
func shutDown(t *testing.T, s *netmux.Server, d *netmux.Dialer, addr string) {
	t.Helper()
	var conns []net.Conn
	for range working {
		conn := dial(t, d, addr)
		checkEcho(t, conn, "working")
		conns = append(conns, conn)
	}
	s.RegisterOnShutdown(func() {
		for _, conn := range conns {
			checkEcho(t, conn, "still working")
			conn.Close()
		}
	})
	var load sync.WaitGroup
	for range 4 {
		load.Go(func() {
			for {
				conn, err := net.Dial("tcp", addr)
				if err != nil {
					return
				}
				defer conn.Close()
			}
		})
	}
	before := s.Stats()
	ctx, cancel := context.WithTimeout(t.Context(), streamtest.Patience)
	defer cancel()
	start := time.Now()
	if err := s.Shutdown(ctx); err != nil {
		t.Errorf("Shutdown: %v; %+v", err, s.Stats())
	}
	t.Logf("Shutdown with %d half-open and %d in handlers took %v", before.HalfOpen, before.Active, time.Since(start).Round(time.Millisecond))
	load.Wait()
}

func openFiles(t *testing.T) int {
	t.Helper()
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(files)
}

// startFlood starts the clients, and returns when all are connected.
func startFlood(t *testing.T, addr string, n int) (stop func()) {
	t.Helper()
	_, out, end := child.Start(t, "TestFloodChild", floodEnv+"="+addr, clientsEnv+"="+strconv.Itoa(n))
	if line, err := out.ReadString('\n'); line != "connected\n" {
		t.Fatalf("the clients wrote %q, %v", line, err)
	}
	return end
}

// TestFloodChild is the child process, which runs the silent and dripping clients.
func TestFloodChild(t *testing.T) {
	addr := os.Getenv(floodEnv)
	if addr == "" {
		return // nothing of its own to test
	}
	var silent, dripping []net.Conn
	for i := range floodSize(t) {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		if i%2 == 0 {
			dripping = append(dripping, conn)
		} else {
			silent = append(silent, conn)
		}
	}
	fmt.Println("connected")
	go func() {
		for i := 0; ; i++ {
			for _, conn := range dripping {
				if i < len(wire.HeaderFrame)-1 {
					io.WriteString(conn, wire.HeaderFrame[i:i+1])
				}
			}
			time.Sleep(time.Second)
		}
	}()
	io.Copy(io.Discard, os.Stdin)
	runtime.KeepAlive(silent) // a collected connection is closed
	os.Exit(0)
}
