//go:build linux && !386 && !s390x

package netmux

import (
	"encoding/binary"
	"net"
	"sync"
	"syscall"
	"unsafe"
)

// The position of tcpi_bytes_received in struct tcp_info of Linux 4.1 and later.
const bytesReceivedAt = 128

// socket is a TCP connection whose kernel is asked for the bytes received. Asking does not block.
type socket struct{ raw syscall.RawConn }

// newSocket reports false if the kernel cannot be asked.
func newSocket(conn *net.TCPConn) (s socket, ok bool) {
	raw, err := conn.SyscallConn()
	return socket{raw}, err == nil
}

// socketQuery is a question to the kernel. It is reused, since the calls make its fields escape.
type socketQuery struct {
	info   [bytesReceivedAt + 8]byte
	size   uint32
	unread int32
	errno  syscall.Errno
	ask    func(fd uintptr)
}

var socketQueries = sync.Pool{New: func() any {
	q := new(socketQuery)
	q.ask = q.run
	return q
}}

func (q *socketQuery) run(fd uintptr) {
	q.size = uint32(len(q.info))
	_, _, q.errno = syscall.Syscall6(syscall.SYS_GETSOCKOPT, fd, syscall.IPPROTO_TCP, syscall.TCP_INFO,
		uintptr(unsafe.Pointer(&q.info[0])), uintptr(unsafe.Pointer(&q.size)), 0)
	if q.errno == 0 { // in this order: a byte that arrives in between is unread
		_, _, q.errno = syscall.Syscall(syscall.SYS_IOCTL, fd, syscall.TIOCINQ, uintptr(unsafe.Pointer(&q.unread)))
	}
}

// bytesReceived returns the number of bytes received, and whether some of them were not read. It
// reports false if the kernel does not tell, or if the connection is closed.
func (s socket) bytesReceived() (n uint64, unread, ok bool) {
	q := socketQueries.Get().(*socketQuery)
	defer socketQueries.Put(q)
	if err := s.raw.Control(q.ask); err != nil || q.errno != 0 || int(q.size) != len(q.info) {
		return 0, false, false
	}
	return binary.NativeEndian.Uint64(q.info[bytesReceivedAt:]), q.unread > 0, true
}
