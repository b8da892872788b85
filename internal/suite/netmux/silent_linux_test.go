//go:build !386 && !s390x

package netmux_test

import (
	"io"
	"net"
	"slices"
	"syscall"
	"testing"

	"github.com/multiselect/multiselect/netmux"
	"github.com/multiselect/multiselect/wire"
)

const (
	answered = iota // the peer has sent a byte that was read and answered
	unread          // it has sent a byte that was not read
	early           // it has sent bytes together with the proposal
	silent
)

// fillServer serves, and opens a connection of each kind, all with an agreement.
func fillServer(t *testing.T, s *netmux.Server, release chan struct{}) (conns [4]net.Conn) {
	t.Helper()
	states := make(chan netmux.ConnState, 100)
	s.ConnState = func(_ net.Conn, state netmux.ConnState) { states <- state }
	await := func(want netmux.ConnState) {
		for state := range states {
			if state == want {
				return
			}
		}
	}
	const lazy = "/lazy/1.0.0"
	echoing(t, s, echo)
	arrived := make(chan bool, 2)
	handle(t, s, deep, func(conn net.Conn) { // does not read
		peek(conn)
		arrived <- true
		<-release
	})
	handle(t, s, lazy, func(conn net.Conn) {
		io.ReadFull(conn, make([]byte, 5))
		io.WriteString(conn, "5")
		<-release
	})
	addr := serveTCP(t, s)
	conns[answered] = dial(t, &netmux.Dialer{Protocols: []string{echo}}, addr)
	checkEcho(t, conns[answered], "x")
	conns[unread] = dial(t, &netmux.Dialer{Protocols: []string{deep}}, addr)
	io.WriteString(conns[unread], "x")
	<-arrived
	var err error
	if conns[early], err = net.Dial("tcp", addr); err != nil {
		t.Fatal(err)
	}
	io.WriteString(conns[early], wire.HeaderFrame+"\x0c"+lazy+"\nearly")
	io.ReadFull(conns[early], make([]byte, len(wire.HeaderFrame)+len(lazy)+2+1))
	conns[silent] = dial(t, &netmux.Dialer{Protocols: []string{deep}}, addr)
	for s.Stats().Active < len(conns) {
		await(netmux.StateActive)
	}
	return conns
}

// On TCP the kernel knows which peers have sent bytes since the agreement, although handlers
// read from the *net.TCPConn itself: bytes that came with the proposal, that are unread, and
// that were read long ago.
func TestSilentOnTCP(t *testing.T) {
	var seen errorLog
	s := &netmux.Server{MaxActive: 4, ConnError: seen.hook}
	release := make(chan struct{})
	conns := fillServer(t, s, release)
	addr := conns[silent].RemoteAddr().String()
	another := dial(t, &netmux.Dialer{Protocols: []string{echo}}, addr)
	checkEcho(t, another, "x")
	if _, err := conns[silent].Read(make([]byte, 1)); err == nil {
		t.Error("the silent connection goes on")
	}
	third, err := (&netmux.Dialer{Protocols: []string{echo}}).DialContext(background, "tcp", addr)
	if err == nil {
		if _, err = third.Read(make([]byte, 1)); err == nil {
			t.Error("the fifth connection with data was not refused")
		}
	}
	checkEcho(t, conns[answered], "y")
	close(release)
	for _, conn := range slices.Concat(conns[:], []net.Conn{another}) {
		conn.Close()
	}
	s.Shutdown(background)
	checkLimit(t, seen.list()[0], "MaxActive", netmux.ErrActive, true)
	checkLimit(t, seen.list()[1], "MaxActive", netmux.ErrActive, false) // after its handler
	if st := s.Stats(); len(seen.list()) != 2 || st.ActiveEvicted != 1 || st.Refused != 1 {
		t.Errorf("%+v, reported %v", st, seen.list())
	}
}

// peek waits until a connection has received a byte, or has ended, and leaves the byte there.
func peek(conn net.Conn) {
	raw, err := conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		return
	}
	raw.Read(func(fd uintptr) bool {
		_, _, err := syscall.Recvfrom(int(fd), make([]byte, 1), syscall.MSG_PEEK)
		return err != syscall.EAGAIN
	})
}
