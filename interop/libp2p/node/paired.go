package main

import (
	"bufio"
	"context"
	"fmt"
	"os"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
)

// paired opens a batch of streams of a kind for each line "KIND NUMBER" of standard input, and
// prints the processor time of both hosts in nanoseconds a stream. Two processes that run batches
// in turns can be compared on a machine that other programs use.
func paired(ctx context.Context, transport string) error {
	a, b, err := pair(ctx, transport)
	if err != nil {
		return err
	}
	defer a.Close()
	defer b.Close()
	kinds := map[string]func() error{
		"lazy":  func() error { return ask(ctx, a, b.ID(), func() {}, reply) },
		"eager": func() error { return askEagerly(ctx, a, b.ID(), reply) },
		"third": func() error { return askEagerly(ctx, a, b.ID(), unknown, unknown+"x", reply) },
	}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var kind string
		var number int
		if _, err := fmt.Sscan(lines.Text(), &kind, &number); err != nil || kinds[kind] == nil || number < 1 {
			return fmt.Errorf("%q is no batch", lines.Text())
		}
		if err := a.Peerstore().AddProtocols(b.ID(), reply); err != nil { // for lazy streams
			return err
		}
		begin := processorTime()
		for range number {
			if err := kinds[kind](); err != nil {
				return fmt.Errorf("%s: %w", kind, err)
			}
		}
		fmt.Println(int64(processorTime()-begin) / int64(number))
	}
	return lines.Err()
}

func askEagerly(ctx context.Context, h host.Host, other peer.ID, proposals ...protocol.ID) error {
	if err := forget(h, other); err != nil {
		return err
	}
	return ask(ctx, h, other, func() {}, proposals...)
}
