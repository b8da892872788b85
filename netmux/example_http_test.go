package netmux_test

import (
	"fmt"
	"io"
	"log"
	"net"
	"net/http"

	"github.com/multiselect/multiselect/netmux"
)

// HTTP/1.1 and HTTP/2 share a port without TLS: net/http serves both on one Listener, and a
// client proposes the version that it speaks. Over TLS the same names are agreed on by ALPN.
func ExampleServer_ProtocolListener_http2() {
	var srv netmux.Server
	web, err := srv.ProtocolListener("http/1.1", "h2")
	if err != nil {
		log.Fatal(err)
	}
	pages := &http.Server{
		Handler:   http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "hello over ", r.Proto) }),
		Protocols: new(http.Protocols),
	}
	pages.Protocols.SetHTTP1(true)
	pages.Protocols.SetUnencryptedHTTP2(true)
	go pages.Serve(web)
	defer pages.Close()
	port, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go srv.Serve(port)
	defer srv.Close()

	for _, protocol := range []string{"http/1.1", "h2"} {
		dialer := &netmux.Dialer{Protocols: []string{protocol}}
		transport := &http.Transport{DialContext: dialer.DialContext, Protocols: new(http.Protocols)}
		transport.Protocols.SetHTTP1(protocol == "http/1.1")
		transport.Protocols.SetUnencryptedHTTP2(protocol == "h2")
		client := http.Client{Transport: transport}
		response, err := client.Get("http://" + port.Addr().String())
		if err != nil {
			log.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		if err != nil {
			log.Fatal(err)
		}
		response.Body.Close()
		client.CloseIdleConnections()
		fmt.Println(string(body))
	}
	// Output:
	// hello over HTTP/1.1
	// hello over HTTP/2.0
}
