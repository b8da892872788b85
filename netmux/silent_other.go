//go:build !linux || 386 || s390x

package netmux

import "net"

// socket is a TCP connection whose kernel is not asked on this system.
type socket struct{}

func newSocket(*net.TCPConn) (socket, bool) { return socket{}, false }

func (socket) bytesReceived() (n uint64, unread, ok bool) { return 0, false, false }
