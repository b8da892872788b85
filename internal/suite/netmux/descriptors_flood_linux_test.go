package netmux_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/multiselect/multiselect/internal/child"
	"github.com/multiselect/multiselect/internal/streamtest"
	"github.com/multiselect/multiselect/netmux"
	"github.com/multiselect/multiselect/wire"
)

// A server with few file descriptors, and more attackers than it has: both are child processes.
const (
	descriptors = 256
	attackers   = 400
	serverEnv   = "NETMUX_DESCRIPTORS" // of the server
	attackEnv   = "NETMUX_ATTACK"      // of the attackers: the address
	kindEnv     = "NETMUX_KIND"        // of the attackers: silent or agreed
)

// Honest clients are served beside attackers that hold all descriptors and come back immediately
// when they are reset: those that stay silent, and those that agree on a protocol and stay. The
// log has the times. Afterwards the server has its descriptors back.
func TestDescriptorFlood(t *testing.T) {
	for _, kind := range []string{"silent", "agreed"} {
		t.Run(kind, func(t *testing.T) {
			var in io.Writer
			var out *bufio.Reader
			var end func()
			onCPU(t, 0, func() { in, out, end = child.Start(t, "TestDescriptorServer", serverEnv+"=1") })
			defer end()
			var addr string
			if _, err := fmt.Fscanln(out, &addr); err != nil {
				t.Fatal(err)
			}
			type status struct{ HalfOpen, Active, Evicted, Open int }
			ask := func() (s status) {
				fmt.Fprintln(in)
				if _, err := fmt.Fscanln(out, &s.HalfOpen, &s.Active, &s.Evicted, &s.Open); err != nil {
					t.Fatal(err)
				}
				return s
			}
			idle, _ := timeServed(t, addr)
			before := ask()
			var stop func()
			onCPU(t, 1, func() {
				_, _, stop = child.Start(t, "TestDescriptorAttackers", attackEnv+"="+addr, kindEnv+"="+kind)
			})
			streamtest.Await(t, "a full server", func() bool { return ask().Evicted > attackers })
			attacked, again := timeServed(t, addr)
			during := ask()
			stop()
			t.Logf("%d %s attackers, %d descriptors: an honest client's p50 is %.2f of idle (%v, idle %v), p99 %.2f (%v, idle %v); %d dials were repeated; %+v",
				attackers, kind, descriptors, ratio(attacked, idle, 50), percentile(attacked, 50), percentile(idle, 50),
				ratio(attacked, idle, 99), percentile(attacked, 99), percentile(idle, 99), again, during)
			streamtest.Await(t, "the end of all connections", func() bool {
				s := ask()
				return s.HalfOpen == 0 && s.Active == 0 && s.Open <= before.Open
			})
		})
	}
}

func ratio(a, b []time.Duration, p int) float64 {
	return float64(percentile(a, p)) / float64(percentile(b, p))
}

// timeServed returns how long each of many dials with an echo takes, sorted. On a busy machine a
// client can be slower than its turn to be evicted: the dial is repeated and counted.
func timeServed(t *testing.T, addr string) (all []time.Duration, again int) {
	t.Helper()
	d := &netmux.Dialer{Protocols: []string{echo}}
	streamtest.Await(t, "honest clients to be served", func() bool {
		start := time.Now()
		conn, err := d.DialContext(t.Context(), "tcp", addr)
		if err == nil {
			defer conn.Close()
			if _, err = io.WriteString(conn, "x"); err == nil {
				_, err = io.ReadFull(conn, make([]byte, 1))
			}
		}
		if err != nil {
			again++
		} else {
			all = append(all, time.Since(start))
		}
		return len(all) == honest
	})
	slices.Sort(all)
	return all, again
}

// TestDescriptorServer is the child process that serves. For each line it prints its status.
func TestDescriptorServer(t *testing.T) {
	if os.Getenv(serverEnv) == "" {
		return // nothing of its own to test
	}
	limit := syscall.Rlimit{Cur: descriptors, Max: descriptors}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	s := &netmux.Server{Logger: quiet}
	s.Muxer.Limits.Timeout = streamtest.Patience
	handle(t, s, echo, func(conn net.Conn) { // with a small buffer, and no pipe
		io.CopyBuffer(struct{ io.Writer }{conn}, struct{ io.Reader }{conn}, make([]byte, 64))
	})
	fmt.Println(serveTCP(t, s))
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		st := s.Stats()
		open, err := os.ReadDir("/proc/self/fd")
		if err != nil { // no descriptor is free
			open = make([]os.DirEntry, descriptors)
		}
		fmt.Println(st.HalfOpen, st.Active, st.Evicted+st.ActiveEvicted, len(open))
	}
	os.Exit(0)
}

// TestDescriptorAttackers is the child process that attacks.
func TestDescriptorAttackers(t *testing.T) {
	addr := os.Getenv(attackEnv)
	if addr == "" {
		return // nothing of its own to test
	}
	sent := ""
	if os.Getenv(kindEnv) == "agreed" {
		sent = wire.HeaderFrame + streamtest.Messages(echo)
	}
	var all sync.WaitGroup
	for range attackers {
		all.Go(func() {
			for {
				conn, err := net.Dial("tcp", addr)
				if err != nil {
					runtime.Gosched()
					continue
				}
				io.WriteString(conn, sent)
				io.Copy(io.Discard, conn)
				conn.Close()
			}
		})
	}
	io.Copy(io.Discard, os.Stdin)
	os.Exit(0)
}

// onCPU calls f, which starts a process, on a CPU, to which the process is bound. It calls f alone
// if there is no such CPU.
func onCPU(t *testing.T, cpu int, f func()) {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before [16]uint64
	if affinity(syscall.SYS_SCHED_GETAFFINITY, &before) && before[0]&(1<<cpu) != 0 {
		affinity(syscall.SYS_SCHED_SETAFFINITY, &[16]uint64{1 << cpu})
		defer affinity(syscall.SYS_SCHED_SETAFFINITY, &before)
	}
	f()
}

func affinity(call uintptr, mask *[16]uint64) bool {
	_, _, errno := syscall.RawSyscall(call, 0, unsafe.Sizeof(*mask), uintptr(unsafe.Pointer(mask)))
	return errno == 0
}
