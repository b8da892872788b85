package netmux_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"sync"
	"testing"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/netmux"
)

// traced is a Trace that records the outcomes, and the number of calls of Begin.
type traced struct {
	mu     sync.Mutex
	begun  int
	ended  []multiselect.Outcome
	done   chan struct{} // receives after each Done
	panics bool
}

func newTraced() *traced { return &traced{done: make(chan struct{}, 100)} }

func (tr *traced) context(ctx context.Context, _ net.Conn) context.Context {
	return multiselect.WithTrace(ctx, &multiselect.Trace{
		Begin: func(multiselect.Role) {
			tr.mu.Lock()
			defer tr.mu.Unlock()
			if tr.begun++; tr.panics {
				panic("in Begin")
			}
		},
		Done: func(o multiselect.Outcome) {
			tr.mu.Lock()
			defer tr.mu.Unlock()
			tr.ended = append(tr.ended, o)
			tr.done <- struct{}{}
		},
	})
}

// last waits for n outcomes, and returns the last as "protocol cause".
func (tr *traced) last(t *testing.T, n int) string {
	t.Helper()
	for range n {
		<-tr.done
	}
	tr.mu.Lock()
	defer tr.mu.Unlock()
	if tr.begun != len(tr.ended) || len(tr.done) > 0 {
		t.Errorf("%d began, %d ended", tr.begun, len(tr.ended))
	}
	o := tr.ended[len(tr.ended)-1]
	for _, cause := range []error{
		multiselect.ErrGaveUp, multiselect.ErrNotSupported, multiselect.ErrListed, multiselect.ErrNotMultistream,
		netmux.ErrServerClosed, io.EOF, io.ErrUnexpectedEOF,
	} {
		if errors.Is(o.Err, cause) {
			return o.Role.String() + " " + o.Protocol + cause.Error()
		}
	}
	if _, ok := errors.AsType[*multiselect.Error](o.Err); o.Err != nil && !ok {
		t.Errorf("the error of an outcome is a %T", o.Err)
	}
	if o.Err != nil {
		return fmt.Sprint(o.Role, " ", o.Err)
	}
	return o.Role.String() + " " + o.Protocol
}

// A Trace is called once for each connection, on every path, with the outcome that Stats counts.
func TestTraceOfServer(t *testing.T) {
	server, client := newTLS(t)
	server.NextProtos = []string{"acme-tls/1"}
	inBand, acme := client.Clone(), client.Clone()
	inBand.NextProtos, acme.NextProtos = []string{}, []string{"acme-tls/1"}
	tr := newTraced()
	s := &netmux.Server{DetectTLS: true, TLSConfig: server, ConnContext: tr.context, Fallback: legacy, Logger: quiet}
	handle(t, s, echo, func(net.Conn) {})
	handle(t, s, legacy, func(net.Conn) {})
	addr := serveTCP(t, s)
	for _, tt := range []struct {
		name string
		do   func() error
		want string
	}{
		{"negotiated", dials(addr, &netmux.Dialer{Protocols: []string{"/x", echo}}), echo},
		{"ALPN", dials(addr, &netmux.Dialer{Protocols: []string{echo}, TLSConfig: client}), echo},
		{"inside", dials(addr, &netmux.Dialer{Protocols: []string{echo}, TLSConfig: inBand}), echo},
		{"refused", dials(addr, &netmux.Dialer{Protocols: []string{"/x"}}), multiselect.ErrGaveUp.Error()},
		{"refused by ALPN", dials(addr, &netmux.Dialer{Protocols: []string{"/x"}, TLSConfig: client}), multiselect.ErrGaveUp.Error()},
		{"fallback", sends(addr, "G"), legacy},
		{"left", sends(addr, ""), io.EOF.Error()},
		{"listed", sends(addr, "\x13/multistream/1.0.0\n\x03ls\n"), multiselect.ErrListed.Error()},
		{"challenge", dials(addr, &netmux.Dialer{Protocols: []string{"/x"}, TLSConfig: acme}), ""},
	} {
		tt.do()
		if got := tr.last(t, 1); got != "responder "+tt.want {
			t.Errorf("%s: the outcome is %q, want %q", tt.name, got, tt.want)
		}
	}
	silent := dialPlain(t, addr, nil)
	defer silent.Close()
	for s.Stats().Accepted < 10 { // this one is the tenth
		runtime.Gosched()
	}
	if err := s.Shutdown(background); err != nil {
		t.Error(err)
	}
	if got := tr.last(t, 1); got != "responder "+netmux.ErrServerClosed.Error() {
		t.Errorf("shutdown: the outcome is %q", got)
	}
	agreed, failed, answered := 0, 0, 0
	for _, o := range tr.ended {
		switch {
		case o.Protocol != "":
			agreed++
		case o.Err == nil || errors.Is(o.Err, multiselect.ErrListed):
			answered++
		default:
			failed++
		}
	}
	if st := s.Stats(); int(st.Agreed) != agreed || int(st.Failed) != failed || int(st.Answered) != answered {
		t.Errorf("%+v, outcomes: %d agreed, %d failed, %d answered", st, agreed, failed, answered)
	}
}

// dials returns a function that dials and closes the connection.
func dials(addr string, d *netmux.Dialer) func() error {
	return func() error {
		conn, err := d.DialContext(background, "tcp", addr)
		if err == nil {
			conn.Close()
		}
		return err
	}
}

// sends returns a function that sends words, half-closes the connection and reads to its end.
func sends(addr, words string) func() error {
	return func() error {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			return err
		}
		defer conn.Close()
		io.WriteString(conn, words)
		conn.(*net.TCPConn).CloseWrite()
		_, err = io.Copy(io.Discard, conn)
		return err
	}
}

// A Trace is called once for each dial on a connection, and by a lazy stream when it is known.
func TestTraceOfDialer(t *testing.T) {
	server, client := newTLS(t)
	inBand := client.Clone()
	inBand.NextProtos = []string{}
	s := &netmux.Server{DetectTLS: true, TLSConfig: server, Logger: quiet}
	echoing(t, s, echo)
	addr := serveTCP(t, s)
	for _, lazy := range []bool{false, true} {
		for name, tt := range map[string]struct {
			d    *netmux.Dialer
			want string
		}{
			"plain":           {&netmux.Dialer{Protocols: []string{echo}}, echo},
			"ALPN":            {&netmux.Dialer{Protocols: []string{echo}, TLSConfig: client}, echo},
			"inside":          {&netmux.Dialer{Protocols: []string{echo}, TLSConfig: inBand}, echo},
			"refused":         {&netmux.Dialer{Protocols: []string{"/x"}}, multiselect.ErrNotSupported.Error()},
			"refused by ALPN": {&netmux.Dialer{Protocols: []string{"/x"}, TLSConfig: client}, multiselect.ErrNotSupported.Error()},
			"refused inside":  {&netmux.Dialer{Protocols: []string{"/x"}, TLSConfig: inBand}, multiselect.ErrNotSupported.Error()},
		} {
			tr := newTraced()
			tt.d.Lazy = lazy
			conn, err := tt.d.DialContext(tr.context(background, nil), "tcp", addr)
			if err == nil {
				io.WriteString(conn, "x")
				io.ReadFull(conn, make([]byte, 1))
				conn.Close()
			}
			if got := tr.last(t, 1); got != "initiator "+tt.want {
				t.Errorf("%s, lazy %v: the outcome is %q, want %q", name, lazy, got, tt.want)
			}
		}
	}
}

// A panic before the agreement ends a trace, and that of a trace is reported like any other.
func TestTraceAndPanic(t *testing.T) {
	tr := newTraced()
	all := multiselect.MatchFunc("all", func(string) bool { panic("in the matcher") })
	s := &netmux.Server{ConnContext: tr.context, Logger: quiet}
	if err := s.Muxer.AddMatcher(all, func(context.Context, string, io.ReadWriteCloser) {}); err != nil {
		t.Fatal(err)
	}
	addr := serveTCP(t, s)
	dials(addr, &netmux.Dialer{Protocols: []string{"/x"}})()
	if got := tr.last(t, 1); got != `responder multiselect: responder: netmux: panic serving "": in the matcher` {
		t.Errorf("the outcome is %q", got)
	}
	tr.mu.Lock()
	tr.panics = true
	tr.mu.Unlock()
	dials(addr, &netmux.Dialer{Protocols: []string{"/x"}})()
	if err := s.Shutdown(background); err != nil {
		t.Error(err)
	}
	if st := s.Stats(); st.Panics != 2 || st.Failed != 2 {
		t.Errorf("%+v", st)
	}
}

// A client that asks for the list and closes is no failure.
func TestListed(t *testing.T) {
	var errs errorLog
	s := &netmux.Server{ConnError: errs.hook}
	echoing(t, s, echo)
	addr := serveTCP(t, s)
	conn := dialPlain(t, addr, nil)
	list, err := new(multiselect.Client).List(background, multiselect.NewCommunicator(conn))
	if fmt.Sprint(list.Names) != "["+echo+"]" || err != nil {
		t.Errorf("the list is %v, %v", list, err)
	}
	conn.Close()
	for s.Stats().Answered == 0 {
		runtime.Gosched()
	}
	if st := s.Stats(); st.Failed != 0 || len(errs.list()) > 0 {
		t.Errorf("%+v, %v", st, errs.list())
	}
	ours, theirs := net.Pipe()
	go func() {
		new(multiselect.Client).List(background, multiselect.NewCommunicator(ours))
		ours.Close()
	}()
	if err := s.ServeConn(background, theirs); !errors.Is(err, multiselect.ErrListed) {
		t.Errorf("ServeConn = %v", err)
	}
}
