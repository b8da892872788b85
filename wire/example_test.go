package wire_test

import (
	"fmt"

	"github.com/multiselect/multiselect/wire"
)

// The first flight of an initiator, and how a responder takes it apart.
func Example() {
	flight := wire.AppendMessage([]byte(wire.HeaderFrame), "/echo/1.0.0")
	fmt.Printf("%q\n", flight)

	for len(flight) > 0 {
		text, n, err := wire.ConsumeMessage(flight, 1024)
		if err != nil || n == 0 { // n is 0 while bytes are missing
			break
		}
		fmt.Printf("%d bytes: %s\n", n, text)
		flight = flight[n:]
	}
	// Output:
	// "\x13/multistream/1.0.0\n\f/echo/1.0.0\n"
	// 20 bytes: /multistream/1.0.0
	// 13 bytes: /echo/1.0.0
}
