package reliability

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/multiselect/multiselect/internal/streamtest"
	"github.com/multiselect/multiselect/wire"
)

// The scenes of silent peers, resets and streams that need care.

func blockedWrite(t *testing.T, lib *library) string {
	near, _ := yamuxPair(t)
	l := lib.open(t, near)
	return "a Write of 1 MiB to a peer that does not read " + takes(func() {
		l.Write(append([]byte("\xff\xff\xff\x7f"), make([]byte, 1<<20)...))
	})
}

// silentCrowd has a silent peer with 1024 streams that were closed, and then writes to another one.
func silentCrowd(t *testing.T, lib *library) string {
	var blocked atomic.Int64 // calls of Close
	var closes sync.WaitGroup
	send := func(stream addressed) {
		l := lib.open(t, stream)
		write(t, l, request)
		blocked.Add(1)
		closes.Go(func() {
			l.Close()
			blocked.Add(-1)
		})
		time.AfterFunc(2*aDay, func() { stream.Reset() })
		synctest.Wait()
	}
	for range 1024 {
		near, _ := streamtest.Config{Size: 1 << 10}.Pipe()
		send(addressed{near, "192.0.2.1"})
	}
	var arrived atomic.Int64
	var peers sync.WaitGroup
	for range 100 {
		near, far := streamtest.Config{Size: 1 << 10}.Pipe()
		peers.Go(func() {
			lib.serve(far, map[string]handler{"/a": func(stream io.ReadWriteCloser) {
				defer stream.Close()
				if got, err := io.ReadAll(stream); string(got) == request && err == nil {
					arrived.Add(1)
				}
			}})
		})
		send(addressed{near, "192.0.2.2"})
	}
	peers.Wait()
	time.Sleep(aDay)
	defer closes.Wait()
	return fmt.Sprintf("of 100 requests to another peer, %d arrive; calls of Close still blocked after 24h: %d", arrived.Load(), blocked.Load())
}

// addressed is a stream with a remote address.
type addressed struct {
	*streamtest.Stream
	host string
}

func (s addressed) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.ParseIP(s.host), Port: 1} }

// readsFirst counts the writes for a user that starts to read before it writes, such as net/http.
func readsFirst(t *testing.T, lib *library) string {
	near, far := streamtest.Pipe()
	l := lib.open(t, near)
	go lib.serve(far, map[string]handler{"/a": func(stream io.ReadWriteCloser) { io.Copy(stream, stream) }})
	done := make(chan struct{})
	go func() {
		defer close(done)
		read(t, l, request)
	}()
	synctest.Wait()
	write(t, l, request)
	<-done
	n := len(near.Writes())
	near.Close()
	return fmt.Sprintf("a Read, and then a Write: writes of the stream: %d", n)
}

// keeping is a stream whose Write keeps the bytes until Flush.
type keeping struct {
	*streamtest.Stream
	out []byte
}

func (s *keeping) Write(p []byte) (int, error) {
	s.out = append(s.out, p...)
	return len(p), nil
}

func (s *keeping) Flush() error {
	_, err := s.Stream.Write(s.out)
	s.out = nil
	return err
}

func needsFlush(t *testing.T, lib *library) string {
	near, far := streamtest.Pipe()
	defer near.Reset()
	go func() {
		lib.serve(&keeping{Stream: far}, map[string]handler{"/a": func(io.ReadWriteCloser) {}})
	}()
	return "a negotiation on streams that must be flushed " + takes(func() { lib.eager(&keeping{Stream: near}, "/a") })
}

// halfRequest has a peer that resets its connection before it is answered.
func halfRequest(t *testing.T, lib *library) string {
	near, far := tcpPair(t)
	write(t, near, proposal+"half")
	near.SetLinger(0)
	near.Close()
	end := "no handler runs"
	lib.serve(far, map[string]handler{"/a": func(stream io.ReadWriteCloser) {
		got, err := io.ReadAll(stream)
		end = fmt.Sprintf("the handler reads %q, and a clean end", got)
		if errors.Is(err, syscall.ECONNRESET) {
			end = fmt.Sprintf("the handler reads %q, and the reset", got)
		}
	}})
	return "TCP, half a request and a reset: " + end
}

// quicGoodbye has a peer that closes its connection after a refusal, over TCP and over QUIC.
func quicGoodbye(t *testing.T, lib *library) string {
	isGoodbye := func(near io.ReadWriter, accept func() io.ReadWriteCloser, end func()) bool {
		write(t, near, streamtest.Messages(wire.Header, "/unknown"))
		served := make(chan error, 1)
		go func() {
			_, err := lib.serve(accept(), nil)
			served <- err
		}()
		read(t, near, refusal)
		end()
		return lib.isGoodbye(<-served)
	}
	a, b := tcpPair(t)
	onTCP := isGoodbye(a, func() io.ReadWriteCloser { return b }, func() { a.Close() })
	client, server, _ := quicConns(t)
	accept := func() io.ReadWriteCloser { return acceptStream(t, server) }
	onQUIC := isGoodbye(openStream(t, client), accept, func() { client.CloseWithError(0, "") })
	return fmt.Sprintf("the peer closes its connection after a refusal, and the error has a name: over TCP %v, over QUIC %v", onTCP, onQUIC)
}
