package flood

import (
	"os"
	"runtime"
	"strconv"
	"syscall"
	"testing"
	"unsafe"
)

// cpus is a set of CPUs, as the kernel wants it.
type cpus [16]uint64

func affinity(call uintptr, thread int, set *cpus) error {
	_, _, errno := syscall.RawSyscall(call, uintptr(thread), unsafe.Sizeof(*set), uintptr(unsafe.Pointer(set)))
	if errno != 0 {
		return errno
	}
	return nil
}

// OnCPU calls f in a thread that is pinned to a CPU, which the processes that f starts inherit. It
// only calls f if the CPU is [AnyCPU], or if there is no other.
func OnCPU(t testing.TB, cpu int, f func()) {
	t.Helper()
	if cpu == AnyCPU || runtime.NumCPU() == 1 {
		f()
		return
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before, one cpus
	one[cpu/64] = 1 << (cpu % 64)
	err := affinity(syscall.SYS_SCHED_GETAFFINITY, 0, &before)
	if err == nil {
		err = affinity(syscall.SYS_SCHED_SETAFFINITY, 0, &one)
	}
	if err != nil {
		t.Fatalf("CPU %d: %v", cpu, err)
	}
	defer affinity(syscall.SYS_SCHED_SETAFFINITY, 0, &before)
	f()
}

// Pin pins this process to a CPU until the test ends: all of its threads, from which new ones
// inherit it.
func Pin(t testing.TB, cpu int) {
	t.Helper()
	var before, one cpus
	one[cpu/64] = 1 << (cpu % 64)
	if err := affinity(syscall.SYS_SCHED_GETAFFINITY, 0, &before); err != nil {
		t.Fatal(err)
	}
	pinThreads(t, &one)
	t.Cleanup(func() { pinThreads(t, &before) })
}

func pinThreads(t testing.TB, set *cpus) {
	t.Helper()
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	for _, thread := range threads {
		id, err := strconv.Atoi(thread.Name())
		if err == nil {
			err = affinity(syscall.SYS_SCHED_SETAFFINITY, id, set)
		}
		if err != nil && err != syscall.ESRCH {
			t.Fatalf("thread %s: %v", thread.Name(), err)
		}
	}
}
