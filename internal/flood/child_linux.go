package flood

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/multiselect/multiselect/internal/child"
)

const (
	attackersEnv = "FLOOD_ATTACKERS"
	perCallEnv   = "FLOOD_PER_CALL"
	kindEnv      = "FLOOD_KIND"
	addressEnv   = "FLOOD_ADDRESS"
)

// Plan is the task of a child process.
type Plan struct {
	Test      string // the test that calls [Serve]
	Kind      string // passed to newAttack of Serve
	Address   string // passed to newAttack of Serve
	Attackers int
	PerCall   int // attacks that may begin after each Allow; without a limit if 0
	CPU       int // that the child is pinned to, or [AnyCPU]
}

// AnyCPU pins to no CPU.
const AnyCPU = -1

// Flood is a running attack.
type Flood struct {
	t   testing.TB
	p   Plan
	in  io.Writer
	out *bufio.Reader
	end func()
}

// Start runs attackers in a process of their own, and returns when each of them has arrived.
func Start(t testing.TB, p Plan) *Flood {
	t.Helper()
	f := &Flood{t: t, p: p}
	OnCPU(t, p.CPU, func() {
		f.in, f.out, f.end = child.Start(t, p.Test, attackersEnv+"="+strconv.Itoa(p.Attackers),
			perCallEnv+"="+strconv.Itoa(p.PerCall), kindEnv+"="+p.Kind, addressEnv+"="+p.Address, "GORACE=atexit_sleep_ms=0")
	})
	if line, err := f.out.ReadString('\n'); line != "arrived\n" {
		f.end()
		t.Fatalf("the attackers wrote %q, %v", line, err)
	}
	return f
}

// Allow lets the attackers begin as many attacks as PerCall says, and cancels the rest of the
// call before.
func (f *Flood) Allow() {
	if f.p.PerCall > 0 {
		io.WriteString(f.in, "a")
	}
}

// Stop ends the attackers, and returns how many attacks have ended before.
func (f *Flood) Stop() (attacks int) {
	f.t.Helper()
	io.WriteString(f.in, "e")
	line, err := f.out.ReadString('\n')
	if err == nil {
		_, err = fmt.Sscan(line, &attacks)
	}
	if err != nil {
		f.t.Errorf("the attackers wrote %q, %v", line, err)
	}
	f.end()
	return attacks
}

// Serve is the child process of [Start]: it runs the attackers that newAttack returns, and does
// not return. In another process it returns immediately.
func Serve(t testing.TB, newAttack func(kind, address string) (Attack, error)) {
	t.Helper()
	if os.Getenv(kindEnv) == "" {
		return
	}
	var n, perCall int
	if _, err := fmt.Sscan(os.Getenv(attackersEnv)+" "+os.Getenv(perCallEnv), &n, &perCall); err != nil {
		t.Fatal(err)
	}
	attack, err := newAttack(os.Getenv(kindEnv), os.Getenv(addressEnv))
	if err != nil {
		t.Fatal(err)
	}
	b := newBudget(perCall)
	var attacks atomic.Int64
	var first sync.WaitGroup
	first.Add(n)
	for range n {
		go func() {
			hasArrived := false
			arrived := func() {
				if !hasArrived {
					hasArrived = true
					first.Done()
				}
			}
			for {
				if hasArrived {
					b.take()
				}
				attack(arrived)
				attacks.Add(1)
			}
		}()
	}
	first.Wait()
	attacks.Store(0)
	b.refill()
	fmt.Println("arrived")
	for command := []byte{'a'}; command[0] == 'a'; b.refill() {
		if _, err := io.ReadFull(os.Stdin, command); err != nil {
			break
		}
	}
	fmt.Println(attacks.Load())
	os.Exit(0)
}

// budget is how many attacks may begin.
type budget struct {
	mu      sync.Mutex
	changed sync.Cond
	perCall int
	left    int
}

func newBudget(perCall int) *budget {
	b := &budget{perCall: perCall, left: perCall}
	b.changed.L = &b.mu
	return b
}

// take blocks until an attack may begin.
func (b *budget) take() {
	if b.perCall == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for b.left == 0 {
		b.changed.Wait()
	}
	b.left--
}

func (b *budget) refill() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.left = b.perCall
	b.changed.Broadcast()
}
