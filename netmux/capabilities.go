package netmux

import (
	"crypto/tls"
	"net"
	"syscall"
)

// A stream that wraps an accepted connection has the optional methods that the connection has,
// and no others: a relay that finds CloseWrite relies on it. Go cannot add a method to a value,
// so that there is a type for each combination of these five.
type (
	closeWriter interface{ CloseWrite() error }
	closeReader interface{ CloseRead() error }
	lingerer    interface{ SetLinger(seconds int) error }
	tlsStater   interface{ ConnectionState() tls.ConnectionState }
)

type lingeringTLS struct {
	lingerer
	tlsStater
}

// capabilities are the optional methods of a connection.
type capabilities struct {
	set capability
	w   closeWriter
	r   closeReader
	s   syscall.Conn
	l   lingerer
	t   tlsStater
}

type capability uint8

const (
	canCloseWrite capability = 1 << iota
	canCloseRead
	hasSyscallConn
	canLinger
	hasTLS
)

func capabilitiesOf(conn net.Conn) *capabilities {
	p := new(capabilities)
	add := func(c capability, ok bool) {
		if ok {
			p.set |= c
		}
	}
	var ok bool
	p.w, ok = conn.(closeWriter)
	add(canCloseWrite, ok)
	p.r, ok = conn.(closeReader)
	add(canCloseRead, ok)
	if s, ok := conn.(syscall.Conn); ok {
		p.s = rawSyscallConn{s}
		p.set |= hasSyscallConn
	}
	p.l, ok = conn.(lingerer)
	add(canLinger, ok)
	p.t, ok = conn.(tlsStater)
	add(hasTLS, ok)
	return p
}

// rawSyscallConn hides the methods by which package os splices from a descriptor: they would
// skip the bytes that a replayConn holds.
type rawSyscallConn struct{ syscall.Conn }

func (s rawSyscallConn) SyscallConn() (syscall.RawConn, error) {
	raw, err := s.Conn.SyscallConn()
	return struct{ syscall.RawConn }{raw}, err
}

// wrap returns c with the optional methods.
func (p *capabilities) wrap(c *replayConn) net.Conn {
	switch p.set & (canLinger | hasTLS) {
	case canLinger:
		return p.wrapWithLinger(c)
	case hasTLS:
		return p.wrapWithTLS(c)
	case canLinger | hasTLS:
		return p.wrapWithBoth(c)
	}
	return p.wrapPlain(c)
}

// wrapPlain is wrap for connections without SetLinger and ConnectionState.
func (p *capabilities) wrapPlain(c *replayConn) net.Conn {
	switch p.set &^ (canLinger | hasTLS) {
	case canCloseWrite:
		return struct {
			*replayConn
			closeWriter
		}{c, p.w}
	case canCloseRead:
		return struct {
			*replayConn
			closeReader
		}{c, p.r}
	case canCloseWrite | canCloseRead:
		return struct {
			*replayConn
			closeWriter
			closeReader
		}{c, p.w, p.r}
	case hasSyscallConn:
		return struct {
			*replayConn
			syscall.Conn
		}{c, p.s}
	case canCloseWrite | hasSyscallConn:
		return struct {
			*replayConn
			closeWriter
			syscall.Conn
		}{c, p.w, p.s}
	case canCloseRead | hasSyscallConn:
		return struct {
			*replayConn
			closeReader
			syscall.Conn
		}{c, p.r, p.s}
	case canCloseWrite | canCloseRead | hasSyscallConn:
		return struct {
			*replayConn
			closeWriter
			closeReader
			syscall.Conn
		}{c, p.w, p.r, p.s}
	default:
		return c
	}
}

// wrapWithLinger is wrap for connections with SetLinger.
func (p *capabilities) wrapWithLinger(c *replayConn) net.Conn {
	switch p.set &^ (canLinger | hasTLS) {
	case canCloseWrite:
		return struct {
			*replayConn
			closeWriter
			lingerer
		}{c, p.w, p.l}
	case canCloseRead:
		return struct {
			*replayConn
			closeReader
			lingerer
		}{c, p.r, p.l}
	case canCloseWrite | canCloseRead:
		return struct {
			*replayConn
			closeWriter
			closeReader
			lingerer
		}{c, p.w, p.r, p.l}
	case hasSyscallConn:
		return struct {
			*replayConn
			syscall.Conn
			lingerer
		}{c, p.s, p.l}
	case canCloseWrite | hasSyscallConn:
		return struct {
			*replayConn
			closeWriter
			syscall.Conn
			lingerer
		}{c, p.w, p.s, p.l}
	case canCloseRead | hasSyscallConn:
		return struct {
			*replayConn
			closeReader
			syscall.Conn
			lingerer
		}{c, p.r, p.s, p.l}
	case canCloseWrite | canCloseRead | hasSyscallConn:
		return struct {
			*replayConn
			closeWriter
			closeReader
			syscall.Conn
			lingerer
		}{c, p.w, p.r, p.s, p.l}
	default:
		return struct {
			*replayConn
			lingerer
		}{c, p.l}
	}
}

// wrapWithTLS is wrap for connections with ConnectionState.
func (p *capabilities) wrapWithTLS(c *replayConn) net.Conn {
	switch p.set &^ (canLinger | hasTLS) {
	case canCloseWrite:
		return struct {
			*replayConn
			closeWriter
			tlsStater
		}{c, p.w, p.t}
	case canCloseRead:
		return struct {
			*replayConn
			closeReader
			tlsStater
		}{c, p.r, p.t}
	case canCloseWrite | canCloseRead:
		return struct {
			*replayConn
			closeWriter
			closeReader
			tlsStater
		}{c, p.w, p.r, p.t}
	case hasSyscallConn:
		return struct {
			*replayConn
			syscall.Conn
			tlsStater
		}{c, p.s, p.t}
	case canCloseWrite | hasSyscallConn:
		return struct {
			*replayConn
			closeWriter
			syscall.Conn
			tlsStater
		}{c, p.w, p.s, p.t}
	case canCloseRead | hasSyscallConn:
		return struct {
			*replayConn
			closeReader
			syscall.Conn
			tlsStater
		}{c, p.r, p.s, p.t}
	case canCloseWrite | canCloseRead | hasSyscallConn:
		return struct {
			*replayConn
			closeWriter
			closeReader
			syscall.Conn
			tlsStater
		}{c, p.w, p.r, p.s, p.t}
	default:
		return struct {
			*replayConn
			tlsStater
		}{c, p.t}
	}
}

// wrapWithBoth is wrap for connections with SetLinger and ConnectionState.
func (p *capabilities) wrapWithBoth(c *replayConn) net.Conn {
	both := lingeringTLS{p.l, p.t}
	switch p.set &^ (canLinger | hasTLS) {
	case canCloseWrite:
		return struct {
			*replayConn
			closeWriter
			lingeringTLS
		}{c, p.w, both}
	case canCloseRead:
		return struct {
			*replayConn
			closeReader
			lingeringTLS
		}{c, p.r, both}
	case canCloseWrite | canCloseRead:
		return struct {
			*replayConn
			closeWriter
			closeReader
			lingeringTLS
		}{c, p.w, p.r, both}
	case hasSyscallConn:
		return struct {
			*replayConn
			syscall.Conn
			lingeringTLS
		}{c, p.s, both}
	case canCloseWrite | hasSyscallConn:
		return struct {
			*replayConn
			closeWriter
			syscall.Conn
			lingeringTLS
		}{c, p.w, p.s, both}
	case canCloseRead | hasSyscallConn:
		return struct {
			*replayConn
			closeReader
			syscall.Conn
			lingeringTLS
		}{c, p.r, p.s, both}
	case canCloseWrite | canCloseRead | hasSyscallConn:
		return struct {
			*replayConn
			closeWriter
			closeReader
			syscall.Conn
			lingeringTLS
		}{c, p.w, p.r, p.s, both}
	default:
		return struct {
			*replayConn
			lingeringTLS
		}{c, both}
	}
}
