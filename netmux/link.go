package netmux

import (
	"context"
	"errors"
	"net"
	"sync"
)

// Link is a connection of a stream multiplexer, such as yamux or QUIC, whose streams a
// [Server] serves. Package netmux imports none of them: a program adapts the one that it uses.
type Link interface {
	// AcceptStream blocks until the peer opens a stream and returns it. After an error no
	// further stream is accepted. It must return when the link ends, and after Close.
	//
	// If a stream has a method BytesRead() *atomic.Uint64, this counts the bytes that were
	// read from it, and tells the server whether the peer has sent any.
	AcceptStream(ctx context.Context) (net.Conn, error)
	// Close ends the link with its streams. It may block until the data that was written is
	// sent. It is called once, in a goroutine of its own if streams are open.
	Close() error
	// RemoteAddr returns the address of the peer. It may block.
	RemoteAddr() net.Addr
}

// ServeLink serves the streams of a link as [Server.ServeConn] serves connections, each in a
// goroutine of its own, and returns when the link has ended and the handlers have returned. It
// takes ownership of the link in every case, and closes it. The contexts of the streams are
// derived from ctx.
//
// Streams count like connections, in Stats and for the limits of the Server. Links are bounded
// by MaxLinks, MaxLinksPerHost and LinkIdleTimeout. Shutdown closes a link when no handler of
// its streams is running.
//
// The error is never nil: a [*LimitError] if the link was refused or evicted, [ErrServerClosed]
// after Shutdown or Close, a [*PanicError] if a method of the link has panicked, and otherwise
// the error of AcceptStream.
func (s *Server) ServeLink(ctx context.Context, link Link) error {
	return s.serveLink(ctx, link, addrConn{link: link})
}

// ServeLinks accepts connections from l as [Server.Serve] does, makes each of them a link with
// upgrade, and serves that as [Server.ServeLink] does. A connection is half-open until upgrade
// has returned, and ends as any half-open connection does: upgrade must return when conn is
// closed. After an error of upgrade the connection is reset. It is also reset, before Close of the
// link is called, when the link is refused or evicted.
func (s *Server) ServeLinks(l net.Listener, upgrade func(ctx context.Context, conn net.Conn) (Link, error)) error {
	return s.acceptAll(l, upgrade)
}

type upgradeFunc func(ctx context.Context, conn net.Conn) (Link, error)

// serveUpgrade makes a connection a link, and serves that.
func (c *conn) serveUpgrade(ctx context.Context, upgrade upgradeFunc) (err error) {
	var protocol string
	returned := false
	defer c.endServe(&protocol, &returned, &err)
	c.server.limitHost(c)
	ctx = c.newContext(ctx)
	c.reportState(StateNew)
	link, err := upgrade(ctx, c.raw)
	if err = c.finishUpgrade(err); err != nil {
		if link != nil {
			link.Close()
		}
		c.fail("", err)
	} else {
		c.reportState(StateActive)
		err = c.server.serveLink(ctx, link, c.raw)
	}
	returned = true
	return err
}

// finishUpgrade ends the half-open stage of a connection, unless err has ended it.
func (c *conn) finishUpgrade(err error) error {
	s := c.server
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.stage != stageHalfOpen || err != nil {
		return c.withCause(err)
	}
	s.registry.remove(&c.entry)
	c.details = &details{cancel: func(error) {}}
	s.stats.Agreed++
	return nil
}

// linkConn is a link that is served. The server's mu guards its entry, silent and counts.
type linkConn struct {
	entry
	server *Server
	link   Link
	conn   net.Conn // for hooks
	key    string   // of its host
	cancel context.CancelCauseFunc
	counts [stages + 1]int    // streams in each stage
	silent map[*conn]struct{} // streams in stageSilent
	served sync.WaitGroup     // streams
	closed sync.Once

	recorded bool // in the registry, for some time
}

func (s *Server) serveLink(ctx context.Context, link Link, hooked net.Conn) (err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	l := &linkConn{server: s, link: link, conn: hooked, cancel: cancel}
	l.entry = newEntry(l)
	defer func() {
		if value := recover(); value != nil {
			err = newPanicError("", value)
		}
		err = l.finish(err)
	}()
	if err := l.track(); err != nil {
		return err
	}
	for {
		stream, err := link.AcceptStream(ctx)
		if err != nil {
			return err
		}
		if c := s.track(stream, l); c != nil {
			l.served.Go(func() { c.serve(ctx) })
		} else {
			s.reset(stream)
		}
	}
}

// track records the link, or fails if it must be refused. It may block for the address.
func (l *linkConn) track() error {
	s := l.server
	l.key = s.keyOf(l.link.RemoteAddr())
	s.mu.Lock()
	if s.stopping {
		s.mu.Unlock()
		return ErrServerClosed
	}
	s.stats.LinksAccepted++
	evicted, err := s.makeRoom(l.key, s.linkBound())
	if err == nil {
		l.recorded = true
		s.registry.add(&l.entry, stageIdleLink)
		s.registry.setHost(&l.entry, l.key, new(atHost))
		s.armExpiry(&l.entry)
		s.addBusy(1)
	}
	s.mu.Unlock()
	endAll(evicted)
	return err
}

// finish ends a link after its last stream was accepted. It returns the error of ServeLink.
func (l *linkConn) finish(err error) error {
	s := l.server
	_, panicked := errors.AsType[*PanicError](err)
	if panicked {
		l.close()
	}
	l.served.Wait()
	l.resetCarrier(err)
	l.close()
	l.cancel(context.Canceled)
	s.mu.Lock()
	if l.recorded {
		s.addBusy(-1)
	}
	s.registry.remove(&l.entry)
	switch {
	case l.cause != nil:
		err = *l.cause
	case s.stopping && !panicked:
		err = ErrServerClosed
	}
	s.signalFreed()
	s.mu.Unlock()
	if _, limited := errors.AsType[*LimitError](err); limited || panicked {
		s.reportError(l.conn, "", err)
	}
	return err
}

// close closes the link once, and returns when it is closed.
func (l *linkConn) close() {
	l.closed.Do(func() {
		defer l.server.recoverPanic(l.conn)
		l.link.Close()
	})
}

func (l *linkConn) end() {
	l.cancel(*l.cause)
	l.resetCarrier(*l.cause)
	go l.close()
}

// resetCarrier resets the connection below a link of ServeLinks that is refused or evicted: Close
// of the link may wait for its peer, and would keep the descriptor meanwhile.
func (l *linkConn) resetCarrier(cause error) {
	if _, isUnknown := l.conn.(addrConn); !isUnknown && errors.Is(cause, ErrLinks) {
		l.server.reset(l.conn)
	}
}

func (l *linkConn) hasDescriptor() bool { return true }
func (l *linkConn) moved(_, _ stage)    {}

func (l *linkConn) checkSilent() bool {
	for c := range l.silent {
		if !c.checkSilent() { // which moves the link, too
			return false
		}
	}
	return true
}

// streamMoved updates the stage of the link after the stage of a stream has changed.
func (l *linkConn) streamMoved(c *conn, from, to stage) {
	l.counts[from]--
	l.counts[to]++
	if from == stageSilent {
		delete(l.silent, c)
	}
	if to == stageSilent {
		if l.silent == nil {
			l.silent = make(map[*conn]struct{})
		}
		l.silent[c] = struct{}{}
	}
	st := stageIdleLink
	switch {
	case l.counts[stageCarrying] > 0:
		st = stageUsedLink
	case l.counts[stageSilent] > 0:
		st = stageSilentLink
	}
	if l.stage == stages || l.stage == st {
		return
	}
	s := l.server
	if s.stopping && st == stageIdleLink {
		s.evict(&l.entry, ErrServerClosed)
		go l.end()
		return
	}
	s.registry.move(&l.entry, st, l.key, nil)
	s.armExpiry(&l.entry)
}

// addrConn is a link as hooks get it: they may only ask for its addresses.
type addrConn struct {
	net.Conn
	link Link
}

func (c addrConn) RemoteAddr() net.Addr { return c.link.RemoteAddr() }
func (c addrConn) LocalAddr() net.Addr  { return nil }
