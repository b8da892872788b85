package netmux_test

import (
	"context"
	"fmt"
	"log"
	"net"
	"net/rpc"

	"github.com/multiselect/multiselect/netmux"
)

type Greeter struct{}

func (Greeter) Hello(name string, reply *string) error {
	*reply = "hello, " + name
	return nil
}

// A server of remote calls runs on a Listener, and its client gets the connection of a Dialer.
// gRPC is used in the same way: its server has Serve in place of Accept, and its client takes
// the function that ContextDialer returns.
//
//	client, err := grpc.NewClient("passthrough:///"+addr,
//		grpc.WithContextDialer(dialer.ContextDialer("tcp")),
//		grpc.WithTransportCredentials(insecure.NewCredentials())) // the Dialer does TLS, if it has a TLSConfig
//
// Example_grpc in interop/services is that program.
func ExampleDialer_ContextDialer() {
	var srv netmux.Server
	calls, err := srv.ProtocolListener("/rpc/1.0.0")
	if err != nil {
		log.Fatal(err)
	}
	server := rpc.NewServer()
	if err := server.Register(Greeter{}); err != nil {
		log.Fatal(err)
	}
	go server.Accept(calls)
	port, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go srv.Serve(port)
	defer srv.Close()

	dialer := &netmux.Dialer{Protocols: []string{"/rpc/1.0.0"}}
	dial := dialer.ContextDialer("tcp") // a function of a context and an address
	conn, err := dial(context.Background(), port.Addr().String())
	if err != nil {
		log.Fatal(err)
	}
	client := rpc.NewClient(conn)
	defer client.Close()
	var reply string
	if err := client.Call("Greeter.Hello", "gopher", &reply); err != nil {
		log.Fatal(err)
	}
	fmt.Println(reply)
	// Output: hello, gopher
}
