package main

import (
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"strings"

	"github.com/coder/websocket"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/multiselect/multiselect/netmux"
)

// port is one of the two, as clients see it. The configuration is nil for that
// without TLS.
type port struct {
	addr string
	tls  *tls.Config
}

// dialer agrees on protocols: by ALPN if it can.
func (p port) dialer(protocols ...string) *netmux.Dialer {
	return &netmux.Dialer{Protocols: protocols, TLSConfig: p.tls}
}

// inBand agrees on protocols by multistream-select, behind TLS, too.
func (p port) inBand(protocols ...string) *netmux.Dialer {
	d := p.dialer(protocols...)
	if p.tls != nil {
		d.TLSConfig = p.tls.Clone()
		d.TLSConfig.NextProtos = []string{}
	}
	return d
}

// get asks an HTTP server. Behind a dialer that does TLS, "http" is the right
// scheme for what is negotiated in band, and "https" for what ALPN has agreed on.
func get(ctx context.Context, scheme string, p port, transport *http.Transport) (string, error) {
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(ctx, "GET", scheme+"://"+p.addr+"/", nil)
	if err != nil {
		return "", err
	}
	response, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return string(body), err
}

func (p port) http1(ctx context.Context) (string, error) {
	return get(ctx, "http", p, &http.Transport{DialContext: p.inBand(http1Protocol).DialContext})
}

// http2 is for the port without TLS: net/http serves HTTP/2 on an encrypted
// connection only if ALPN has agreed on it, as https does.
func (p port) http2(ctx context.Context) (string, error) {
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	return get(ctx, "http", p, &http.Transport{DialContext: p.inBand(http2Protocol).DialContext, Protocols: protocols})
}

// https agrees by ALPN, on what the client prefers.
func (p port) https(ctx context.Context, names ...string) (string, error) {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	return get(ctx, "https", p, &http.Transport{DialTLSContext: p.dialer(names...).DialContext, Protocols: protocols})
}

// stock is a client that has never heard of all this.
func (p port) stock(ctx context.Context) (string, error) {
	if p.tls == nil {
		return get(ctx, "http", p, new(http.Transport))
	}
	return get(ctx, "https", p, &http.Transport{TLSClientConfig: p.tls.Clone(), ForceAttemptHTTP2: true})
}

func (p port) health(ctx context.Context) (string, error) {
	conn, err := grpc.NewClient("passthrough:///"+p.addr,
		grpc.WithContextDialer(p.dialer(grpcProtocol).ContextDialer("tcp")),
		grpc.WithTransportCredentials(insecure.NewCredentials())) // the dialer sees to TLS
	if err != nil {
		return "", err
	}
	defer conn.Close()
	answer, err := grpc_health_v1.NewHealthClient(conn).Check(ctx, new(grpc_health_v1.HealthCheckRequest))
	if err != nil {
		return "", err
	}
	return answer.Status.String(), nil
}

func (p port) echo(ctx context.Context, words string, lazy bool) (string, error) {
	d := p.dialer(echoProtocol)
	d.Lazy = lazy
	conn, err := d.DialContext(ctx, "tcp", p.addr)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if _, err := io.Copy(conn, strings.NewReader(words)); err != nil {
		return "", err
	}
	if err := closeWrite(conn); err != nil {
		return "", err
	}
	heard, err := io.ReadAll(conn)
	return string(heard), err
}

// who returns "me" if the server has seen the address of this client. The server closes its half
// first.
func (p port) who(ctx context.Context) (string, error) {
	conn, err := p.dialer(whoProtocol).DialContext(ctx, "tcp", p.addr)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	heard, err := io.ReadAll(conn)
	if err != nil {
		return "", err
	}
	if _, err := io.WriteString(conn, "bye"); err != nil {
		return "", err
	}
	if string(heard) == conn.LocalAddr().String() {
		heard = []byte("me")
	}
	return string(heard), closeWrite(conn)
}

// socket sends a message on a WebSocket.
func (p port) socket(ctx context.Context, words string) (string, error) {
	scheme, transport := "ws", &http.Transport{DialContext: p.dialer(http1Protocol).DialContext}
	if p.tls != nil {
		scheme, transport = "wss", &http.Transport{DialTLSContext: p.dialer(http1Protocol).DialContext}
	}
	client := &http.Client{Transport: transport}
	conn, _, err := websocket.Dial(ctx, scheme+"://"+p.addr+"/socket", &websocket.DialOptions{HTTPClient: client})
	if err != nil {
		return "", err
	}
	defer conn.CloseNow()
	if err := conn.Write(ctx, websocket.MessageText, []byte(words)); err != nil {
		return "", err
	}
	_, heard, err := conn.Read(ctx)
	if err != nil {
		return "", err
	}
	return string(heard), conn.Close(websocket.StatusNormalClosure, "")
}
