package interop

import (
	"context"
	"io"
	"net"
	"testing"

	hashicorp "github.com/hashicorp/yamux"
	"github.com/libp2p/go-yamux/v5"
	"github.com/quic-go/quic-go"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/internal/streamtest"
	"github.com/multiselect/multiselect/netmux"
)

// yamuxLink makes a session of go-yamux a link.
type yamuxLink struct{ *yamux.Session }

func (l yamuxLink) AcceptStream(context.Context) (net.Conn, error) {
	stream, err := l.Session.AcceptStream()
	if err != nil {
		return nil, err
	}
	return stream, nil
}

type hashicorpLink struct{ *hashicorp.Session }

func (l hashicorpLink) AcceptStream(context.Context) (net.Conn, error) {
	stream, err := l.Session.AcceptStream()
	if err != nil {
		return nil, err
	}
	return stream, nil
}

// quicLink makes a connection of quic-go a link, and its streams connections.
type quicLink struct{ *quic.Conn }

type quicStream struct {
	*quic.Stream
	conn *quic.Conn
}

func (l quicLink) AcceptStream(ctx context.Context) (net.Conn, error) {
	stream, err := l.Conn.AcceptStream(ctx)
	if err != nil {
		return nil, err
	}
	return quicStream{stream, l.Conn}, nil
}

func (l quicLink) Close() error { return l.CloseWithError(0, "") }

func (s quicStream) LocalAddr() net.Addr  { return s.conn.LocalAddr() }
func (s quicStream) RemoteAddr() net.Addr { return s.conn.RemoteAddr() }

// linkClient is the other end of a link.
type linkClient struct {
	open func() (io.ReadWriteCloser, error)
	end  <-chan struct{} // closed when the link has ended
}

// linkServers serve links on a port of their own, and return a function that dials it.
var linkServers = map[string]func(t *testing.T, s *netmux.Server) (dial func() linkClient){
	"go-yamux": func(t *testing.T, s *netmux.Server) func() linkClient {
		addr := serveLinks(t, s, func(_ context.Context, conn net.Conn) (netmux.Link, error) {
			session, err := yamux.Server(conn, nil, nil)
			return yamuxLink{session}, err
		})
		return func() linkClient {
			session := must(yamux.Client(must(net.Dial("tcp", addr)), nil, nil))
			return linkClient{func() (io.ReadWriteCloser, error) { return session.OpenStream(t.Context()) }, session.CloseChan()}
		}
	},
	"hashicorp/yamux": func(t *testing.T, s *netmux.Server) func() linkClient {
		config := hashicorp.DefaultConfig()
		config.LogOutput = io.Discard
		addr := serveLinks(t, s, func(_ context.Context, conn net.Conn) (netmux.Link, error) {
			session, err := hashicorp.Server(conn, config)
			return hashicorpLink{session}, err
		})
		return func() linkClient {
			session := must(hashicorp.Client(must(net.Dial("tcp", addr)), config))
			return linkClient{func() (io.ReadWriteCloser, error) { return session.OpenStream() }, session.CloseChan()}
		}
	},
	"quic-go": func(t *testing.T, s *netmux.Server) func() linkClient {
		server, client := streamtest.TLS(t)
		server.NextProtos, client.NextProtos = []string{"links"}, []string{"links"}
		l := must(quic.ListenAddr("127.0.0.1:0", server, nil))
		t.Cleanup(func() { l.Close() })
		go func() {
			for {
				conn, err := l.Accept(context.Background())
				if err != nil {
					return
				}
				go s.ServeLink(context.Background(), quicLink{conn})
			}
		}()
		return func() linkClient {
			conn := must(quic.DialAddr(t.Context(), l.Addr().String(), client, nil))
			return linkClient{func() (io.ReadWriteCloser, error) { return conn.OpenStreamSync(t.Context()) }, conn.Context().Done()}
		}
	},
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// serveLinks serves links on a TCP port.
func serveLinks(t *testing.T, s *netmux.Server, upgrade func(context.Context, net.Conn) (netmux.Link, error)) (addr string) {
	l := streamtest.Listen(t, "tcp")
	go s.ServeLinks(l, upgrade)
	return l.Addr().String()
}

// A netmux.Server serves the streams of real multiplexers. When there are too many links, an idle
// one ends, although it answers pings; Shutdown ends the others when their handlers have returned.
func TestLinksOfMultiplexers(t *testing.T) {
	for name, serve := range linkServers {
		t.Run(name, func(t *testing.T) {
			const echo = "/echo/1.0.0"
			s := &netmux.Server{MaxLinks: 2}
			err := s.Muxer.AddHandler(echo, func(_ context.Context, _ string, stream io.ReadWriteCloser) {
				defer stream.Close()
				io.Copy(stream, stream)
			})
			if err != nil {
				t.Fatal(err)
			}
			dial := serve(t, s)
			open := func(c linkClient) io.ReadWriteCloser {
				stream := must(c.open())
				if _, err := new(multiselect.Client).SelectOneOf(t.Context(), stream, "/none", echo); err != nil {
					t.Fatal(err)
				}
				streamtest.MustWrite(t, stream, "hello")
				streamtest.MustRead(t, stream, "hello")
				return stream
			}
			busy := dial()
			stream := open(busy)
			idle := dial()
			open(idle).Close()
			streamtest.Await(t, "the idle link", func() bool { return s.Stats().Links == 2 && s.Stats().Active == 1 })
			third := dial()
			<-idle.end
			second := open(third)
			streamtest.MustWrite(t, stream, "again")
			streamtest.MustRead(t, stream, "again")
			shut := make(chan error, 1)
			go func() { shut <- s.Shutdown(context.Background()) }()
			streamtest.MustWrite(t, stream, "the last")
			streamtest.MustRead(t, stream, "the last")
			stream.Close()
			second.Close()
			<-busy.end
			<-third.end
			if err := <-shut; err != nil {
				t.Error(err)
			}
			if st := s.Stats(); st.LinksEvicted != 1 || st.LinksAccepted != 3 || st.Links != 0 || st.Agreed < 3 {
				t.Errorf("%+v", st)
			}
		})
	}
}
