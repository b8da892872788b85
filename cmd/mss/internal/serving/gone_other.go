//go:build !linux && !windows

package serving

import (
	"syscall"

	"github.com/multiselect/multiselect/cmd/mss/internal/transport"
)

// gone reports whether the other end of a connection has reset it. It reads
// no data, but consumes the pending error, so that a later Read or Write does
// not return it.
func gone(conn transport.Stream) bool {
	socket, ok := conn.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return false
	}
	gone := false
	raw.Control(func(fd uintptr) {
		pending, err := syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_ERROR)
		gone = err == nil && pending != 0
	})
	return gone
}
