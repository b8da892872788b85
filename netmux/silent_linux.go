//go:build linux && !386 && !s390x

package netmux

import (
	"encoding/binary"
	"net"
	"syscall"
	"unsafe"
)

// The position of tcpi_bytes_received in struct tcp_info of Linux 4.1 and later.
const bytesReceivedAt = 128

// bytesReceived returns the number of bytes that the kernel has received on a connection. It
// reports false if the kernel does not tell, or if the connection is closed. It does not block.
func bytesReceived(conn *net.TCPConn) (n uint64, ok bool) {
	var info [bytesReceivedAt + 8]byte
	size := uint32(len(info))
	ok = control(conn, func(fd uintptr) syscall.Errno {
		_, _, errno := syscall.Syscall6(syscall.SYS_GETSOCKOPT, fd, syscall.IPPROTO_TCP, syscall.TCP_INFO,
			uintptr(unsafe.Pointer(&info[0])), uintptr(unsafe.Pointer(&size)), 0)
		return errno
	})
	return binary.NativeEndian.Uint64(info[bytesReceivedAt:]), ok && int(size) == len(info)
}

// hasUnread reports whether a connection has received bytes that were not read, or cannot tell.
func hasUnread(conn *net.TCPConn) bool {
	var n int32
	ok := control(conn, func(fd uintptr) syscall.Errno {
		_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, fd, syscall.TIOCINQ, uintptr(unsafe.Pointer(&n)))
		return errno
	})
	return !ok || n > 0
}

// control calls f with the descriptor of a connection, and reports whether it succeeded.
func control(conn *net.TCPConn, f func(fd uintptr) syscall.Errno) bool {
	raw, err := conn.SyscallConn()
	if err != nil {
		return false
	}
	errno := syscall.EINVAL
	err = raw.Control(func(fd uintptr) { errno = f(fd) })
	return err == nil && errno == 0
}
