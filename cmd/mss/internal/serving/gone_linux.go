package serving

import (
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/multiselect/multiselect/cmd/mss/internal/transport"
)

// gone reports whether the other end of a connection was reset or, where the
// system distinguishes that from the end of one half, closed. It reads no data.
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
		poll := []unix.PollFd{{Fd: int32(fd)}}
		n, err := unix.Poll(poll, 0)
		gone = err == nil && n > 0 && poll[0].Revents&(unix.POLLERR|unix.POLLHUP) != 0
	})
	return gone
}
