// Server is a netmux.Server with an echo, for TestDescriptorFlood, which builds it in two checkouts.
// It prints its address, and ends with its standard input.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"os"

	"github.com/multiselect/multiselect/netmux"
)

func main() {
	s := netmux.Server{Logger: slog.New(slog.DiscardHandler)}
	err := s.Muxer.AddHandler("/echo/1.0.0", func(_ context.Context, _ string, stream io.ReadWriteCloser) {
		defer stream.Close()
		// With a small buffer, and without the pipe of a splice, which has descriptors, too.
		io.CopyBuffer(struct{ io.Writer }{stream}, struct{ io.Reader }{stream}, make([]byte, 64))
	})
	if err != nil {
		log.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(l.Addr())
	go func() {
		io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	log.Fatal(s.Serve(l))
}
