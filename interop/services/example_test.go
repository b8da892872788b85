package main

import (
	"context"
	"fmt"
	"log"
	"net"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/multiselect/multiselect/netmux"
)

// A gRPC server and its client share a port with other protocols. The name "/grpc/1.0.0" is the
// choice of the program: any name is one.
func Example_grpc() {
	var srv netmux.Server
	calls, err := srv.ProtocolListener("/grpc/1.0.0")
	if err != nil {
		log.Fatal(err)
	}
	server := grpc.NewServer()
	grpc_health_v1.RegisterHealthServer(server, health.NewServer())
	go server.Serve(calls)
	port, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go srv.Serve(port)

	// passthrough passes the address to the dialer as it is. The credentials are insecure even
	// with TLS: then the Dialer has a TLSConfig, and does the handshake.
	dialer := &netmux.Dialer{Protocols: []string{"/grpc/1.0.0"}}
	client, err := grpc.NewClient("passthrough:///"+port.Addr().String(),
		grpc.WithContextDialer(dialer.ContextDialer("tcp")),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	answer, err := grpc_health_v1.NewHealthClient(client).Check(ctx, new(grpc_health_v1.HealthCheckRequest))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(answer.Status)

	client.Close()
	server.GracefulStop() // answers the calls that it has, then the port closes
	if err := srv.Shutdown(ctx); err != nil {
		log.Fatal(err)
	}
	// Output: SERVING
}
