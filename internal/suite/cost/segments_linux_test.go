package cost_test

import (
	"net"
	"syscall"
	"testing"
	"unsafe"

	"github.com/multiselect/multiselect/internal/streamtest"
)

// tcpInfo is the front of the kernel's struct tcp_info, up to what is counted
// here.
type tcpInfo struct {
	_           [8]uint8
	_           [24]uint32
	_           [4]uint64
	SegsOut     uint32
	SegsIn      uint32
	_           [2]uint32
	DataSegsIn  uint32
	DataSegsOut uint32
}

// dataSegments returns how many segments with data a connection has sent.
func dataSegments(t *testing.T, conn *net.TCPConn) int {
	t.Helper()
	raw, err := conn.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var info tcpInfo
	var errno syscall.Errno
	err = raw.Control(func(fd uintptr) {
		size := uint32(unsafe.Sizeof(info))
		_, _, errno = syscall.Syscall6(syscall.SYS_GETSOCKOPT, fd, syscall.IPPROTO_TCP, syscall.TCP_INFO,
			uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&size)), 0)
		if size < uint32(unsafe.Sizeof(info)) {
			errno = syscall.ENOSYS
		}
	})
	if err != nil || errno != 0 {
		t.Fatal("TCP_INFO:", err, errno)
	}
	return int(info.DataSegsOut)
}

func TestGateSegments(t *testing.T) {
	for _, g := range gates() {
		t.Run(g.name, func(t *testing.T) {
			initiator, responder := streamtest.TCP(t)
			negotiate := g.endless(t, initiator, responder)
			negotiate()
			sent, answered := dataSegments(t, initiator), dataSegments(t, responder)
			const times = 50
			for range times {
				negotiate()
			}
			if n := dataSegments(t, initiator) - sent; n != times*g.writes {
				t.Errorf("%d data segments from the initiator in %d negotiations, want %d each", n, times, g.writes)
			}
			if n := dataSegments(t, responder) - answered; n != times*g.writes {
				t.Errorf("%d data segments from the responder in %d negotiations, want %d each", n, times, g.writes)
			}
		})
	}
}
