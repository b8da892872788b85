package netmux_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/libp2p/go-yamux/v5"

	"github.com/multiselect/multiselect/internal/flood"
	"github.com/multiselect/multiselect/internal/streamtest"
	"github.com/multiselect/multiselect/netmux"
)

// The kinds of attackers. All come back immediately when the server has ended their connection.
const (
	returning = "come back"    // connect, and send nothing
	agreeing  = "agree"        // agree on the echo, and send nothing more
	pinging   = "ping"         // open links of yamux without a stream, and only ping
	startTLS  = "start TLS"    // send the first message of a TLS handshake
	dripping  = "drip"         // send the header byte by byte
	pairsEnv  = "NETMUX_FLOOD" // the number of paired runs that measure times
)

// attacked is a server with the limits that one kind of attackers meets.
type attacked struct {
	kind   string
	bound  int // the limit that they meet
	server *netmux.Server
	addr   string
	client *tls.Config // of a honest client, for startTLS
	served chan error
}

func serveAttacked(t *testing.T, kind string, bound int) *attacked {
	t.Helper()
	a := &attacked{kind: kind, bound: bound, server: &netmux.Server{Logger: quiet}, served: make(chan error, 1)}
	s := a.server
	switch kind {
	case agreeing:
		s.MaxActive, s.FirstByteTimeout = bound, streamtest.Patience
	case pinging:
		s.MaxLinks, s.LinkIdleTimeout = bound, streamtest.Patience
	default:
		s.MaxHalfOpen = bound
	}
	echoing(t, s, echo)
	l := streamtest.Listen(t, "tcp")
	a.addr = l.Addr().String()
	if kind == startTLS {
		s.TLSConfig, a.client = newTLS(t)
	}
	go func() {
		switch kind {
		case pinging:
			a.served <- s.ServeLinks(l, upgradeYamux)
		case startTLS:
			a.served <- s.ServeTLS(l, "", "")
		default:
			a.served <- s.Serve(l)
		}
	}()
	return a
}

// yamuxLink is a session of yamux as a [netmux.Link].
type yamuxLink struct{ *yamux.Session }

func (l yamuxLink) AcceptStream(context.Context) (net.Conn, error) {
	stream, err := l.Session.AcceptStream()
	if err != nil {
		return nil, err
	}
	return stream, nil
}

func upgradeYamux(_ context.Context, conn net.Conn) (netmux.Link, error) {
	session, err := yamux.Server(conn, yamuxConfig(), nil)
	if err != nil {
		return nil, err
	}
	return yamuxLink{session}, nil
}

func yamuxConfig() *yamux.Config {
	c := yamux.DefaultConfig()
	c.LogOutput = io.Discard
	return c
}

// honest agrees on the echo, sends a byte, and expects it back.
func (a *attacked) honest() error {
	d := &netmux.Dialer{Protocols: []string{echo}, TLSConfig: a.client}
	if a.kind == pinging {
		d.NetDialContext = dialStream
	}
	conn, err := d.DialContext(background, "tcp", a.addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	b := []byte{'h'}
	if _, err := conn.Write(b); err != nil {
		return err
	}
	if _, err := io.ReadFull(conn, b); err != nil || b[0] != 'h' {
		return fmt.Errorf("echoed %q, %w", b, err)
	}
	return nil
}

// dialStream opens a link with one stream, whose Close closes the link.
func dialStream(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	session, err := yamux.Client(conn, yamuxConfig(), nil)
	if err != nil {
		conn.Close()
		return nil, err
	}
	stream, err := session.OpenStream(ctx)
	if err != nil {
		session.Close()
		return nil, err
	}
	return onlyStream{stream, session}, nil
}

type onlyStream struct {
	*yamux.Stream
	session *yamux.Session
}

func (s onlyStream) Close() error {
	s.Stream.Close()
	return s.session.Close()
}

// start starts attackers.
func (a *attacked) start(t *testing.T, n, perCall, cpu int) *flood.Flood {
	t.Helper()
	return flood.Start(t, flood.Plan{
		Test: "TestFloodAttackers", Kind: a.kind, Address: a.addr, Attackers: n, PerCall: perCall, CPU: cpu,
	})
}

// rest waits until no attacker is connected any more.
func (a *attacked) rest(t *testing.T) {
	t.Helper()
	streamtest.Await(t, "the end of all attackers", func() bool {
		st := a.server.Stats()
		return st.HalfOpen == 0 && st.Active == 0 && st.Links == 0
	})
}

func (a *attacked) stop(t *testing.T) {
	t.Helper()
	if err := a.server.Shutdown(background); err != nil {
		t.Error("Shutdown:", err)
	}
	if err := <-a.served; err != netmux.ErrServerClosed {
		t.Error("Serve:", err)
	}
	checkEnded(t, a.server)
}

// usage is what the process has in use.
type usage struct {
	goroutines, descriptors int
	heap                    uint64
}

func use(t *testing.T) usage {
	t.Helper()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return usage{runtime.NumGoroutine(), openFiles(t), m.HeapAlloc}
}

// While more attackers of each kind than the server has room for stay or come back, no honest
// client is refused, and afterwards nothing is in use. The attackers may begin fewer attacks
// during each honest call than would end the newest connection of the server.
func TestFloodKinds(t *testing.T) {
	const calls = 25
	for _, kind := range []string{returning, agreeing, pinging, startTLS, dripping} {
		t.Run(kind, func(t *testing.T) {
			bound := floodSize(t) / 5
			before := use(t)
			a := serveAttacked(t, kind, bound)
			idle := use(t)
			f := a.start(t, bound*3/2, bound/4, flood.AnyCPU)
			flood.Measure(t, calls, func() error {
				f.Allow()
				return a.honest()
			})
			st := a.server.Stats()
			if ended := st.Evicted + st.ActiveEvicted + st.LinksEvicted; ended == 0 || st.Refused+st.LinksRefused+st.Panics != 0 {
				t.Errorf("%+v", st)
			}
			attacks := f.Stop()
			a.rest(t)
			checkUse(t, idle, bound)
			t.Logf("%d attacks beside %d honest calls: %+v", attacks, calls, a.server.Stats())
			a.stop(t)
			checkUse(t, before, bound)
		})
	}
}

// checkUse waits until no more is in use than before. The runtime keeps the descriptors of
// goroutines that have ended, of less than 1 KiB each, and caches.
func checkUse(t *testing.T, before usage, conns int) {
	t.Helper()
	var now usage
	defer func() { t.Logf("in use: %+v, before %+v", now, before) }()
	streamtest.Await(t, "the end of what the attackers have used", func() bool {
		now = use(t)
		return now.goroutines <= before.goroutines && now.descriptors <= before.descriptors &&
			now.heap <= before.heap+uint64(conns)<<10+1<<20
	})
}

// floodPairs returns how many paired runs measure times: none by default.
func floodPairs(t *testing.T) int {
	t.Helper()
	text := os.Getenv(pairsEnv)
	if text == "" {
		return 0
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// The times of honest clients are compared in NETMUX_FLOOD paired runs of each kind, with a
// server on one CPU and attackers on the other that come back as fast as they can. They are half
// as many again as the server has room for; those that start TLS are as many. One more of these
// would take all of a CPU: the server signs for each, and the attackers send recorded bytes.
func TestFloodTimes(t *testing.T) {
	pairs := floodPairs(t)
	if pairs == 0 {
		t.Skip("times are measured with " + pairsEnv + "=9, alone on a machine, as docs/netmux.md tells")
	}
	if runtime.NumCPU() > 1 {
		flood.Pin(t, 0)
	}
	bound := 4096 // the default of MaxHalfOpen and MaxLinks
	if os.Getenv(clientsEnv) != "" {
		bound = floodSize(t) * 2 / 3
	}
	for _, kind := range []string{returning, agreeing, pinging, startTLS, dripping} {
		t.Run(kind, func(t *testing.T) {
			a := serveAttacked(t, kind, bound)
			flood.Measure(t, honest, a.honest) // the runtime's caches are filled
			n := bound * 3 / 2
			if kind == startTLS {
				n = bound
			}
			f := flood.Compare(t, pairs, 2*honest, a.honest,
				func() *flood.Flood { return a.start(t, n, 0, runtime.NumCPU()-1) }, func() { a.rest(t) })
			fmt.Printf("%-10s %v\n", kind, f)
			if f.R50 > 2 || f.R99 > 4 {
				t.Errorf("p50 %.2f × idle, want 2 at most; p99 %.2f × idle, want 4 at most", f.R50, f.R99)
			}
			a.stop(t)
		})
	}
}

// TestFloodAttackers is the child process that attacks.
func TestFloodAttackers(t *testing.T) {
	flood.Serve(t, func(kind, addr string) (flood.Attack, error) {
		slog.SetDefault(quiet)
		dial := func() (net.Conn, error) { return net.Dial("tcp", addr) }
		switch kind {
		case returning:
			return flood.Return(dial), nil
		case agreeing:
			return flood.Agree(dial, echo), nil
		case pinging:
			return ping(dial), nil
		case startTLS:
			return flood.StartTLS(dial), nil
		case dripping:
			return flood.Drip(dial, 50*time.Millisecond), nil
		}
		return nil, fmt.Errorf("no kind %q", kind)
	})
}

// ping opens links that only ping.
func ping(dial flood.Dial) flood.Attack {
	return func(arrived func()) error {
		conn, err := dial()
		if err != nil {
			return err
		}
		session, err := yamux.Client(conn, yamuxConfig(), nil)
		if err != nil {
			conn.Close()
			return err
		}
		defer session.Close()
		for {
			if _, err := session.Ping(); err != nil {
				return err
			}
			arrived()
			select {
			case <-session.CloseChan():
				return net.ErrClosed
			case <-time.After(100 * time.Millisecond):
			}
		}
	}
}
