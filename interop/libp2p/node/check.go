package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/libp2p/go-libp2p/p2p/protocol/ping"
	"github.com/multiformats/go-multistream"
)

// check talks to a peer in all ways that need a negotiation. That it is connected
// is three of them: security, multiplexer and identify.
func check(ctx context.Context, address string) error {
	h, other, err := dial(ctx, address)
	if err != nil {
		return err
	}
	defer h.Close()
	for name, step := range map[string]func(context.Context, host.Host, peer.ID) error{
		"eager": eager, "lazy": lazy, "matched": matchedName, "refused": refused, "refused lazily": refusedLazily,
		"write and close": writeAndClose, "many streams": manyStreams, "ping": pinged,
	} {
		if err := step(ctx, h, other); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	fmt.Println("ok")
	return nil
}

// forget makes the next stream eager: a host is lazy with what it knows to be spoken.
func forget(h host.Host, other peer.ID) error {
	return h.Peerstore().SetProtocols(other)
}

func eager(ctx context.Context, h host.Host, other peer.ID) error {
	if err := forget(h, other); err != nil {
		return err
	}
	s, err := h.NewStream(ctx, other, "/not/this/1.0.0", echo)
	if err != nil {
		return err
	}
	if s.Protocol() != echo {
		return fmt.Errorf("the protocol is %q", s.Protocol())
	}
	return echoed(s, 100_000)
}

func lazy(ctx context.Context, h host.Host, other peer.ID) error {
	s, err := knownStream(ctx, h, other, echo)
	if err != nil {
		return err
	}
	return echoed(s, 100_000)
}

// knownStream opens a stream for a protocol that the peer is known to speak.
func knownStream(ctx context.Context, h host.Host, other peer.ID, id protocol.ID) (network.Stream, error) {
	if err := h.Peerstore().AddProtocols(other, id); err != nil {
		return nil, err
	}
	return h.NewStream(ctx, other, id)
}

// echoed writes and reads at once, and closes.
func echoed(s network.Stream, n int) error {
	sent := bytes.Repeat([]byte("0123456789"), n/10)
	failed := make(chan error, 1)
	go func() {
		_, err := s.Write(sent)
		failed <- errors.Join(err, s.CloseWrite())
	}()
	got, err := io.ReadAll(s)
	if err := errors.Join(err, <-failed, s.Close()); err != nil {
		return err
	}
	if !bytes.Equal(sent, got) {
		return fmt.Errorf("%d bytes came back of %d", len(got), len(sent))
	}
	return nil
}

func matchedName(ctx context.Context, h host.Host, other peer.ID) error {
	s, err := h.NewStream(ctx, other, matched+"7")
	if err != nil {
		return err
	}
	defer s.Close()
	if got, err := io.ReadAll(s); string(got) != string(matched)+"7" {
		return fmt.Errorf("%q, %w", got, err)
	}
	return nil
}

func refused(ctx context.Context, h host.Host, other peer.ID) error {
	_, err := h.NewStream(ctx, other, unknown, unknown+"x")
	if want := (multistream.ErrNotSupported[protocol.ID]{}); !errors.Is(err, want) {
		return fmt.Errorf("want %T, got %w", want, err)
	}
	return nil
}

func refusedLazily(ctx context.Context, h host.Host, other peer.ID) error {
	s, err := knownStream(ctx, h, other, unknown)
	if err != nil {
		return err
	}
	defer s.Reset()
	if _, err := io.WriteString(s, "request"); err != nil {
		return err
	}
	_, err = io.ReadAll(s)
	if want := (multistream.ErrNotSupported[protocol.ID]{}); !errors.Is(err, want) {
		return fmt.Errorf("want %T, got %w", want, err)
	}
	return nil
}

// writeAndClose leaves a request behind, which has to arrive: the peer counts it, and
// nobody reads the count. That it does not wait is measured elsewhere.
func writeAndClose(ctx context.Context, h host.Host, other peer.ID) error {
	for range 20 {
		s, err := knownStream(ctx, h, other, count)
		if err != nil {
			return err
		}
		if _, err := io.WriteString(s, "request"); err != nil {
			return err
		}
		if err := s.Close(); err != nil {
			return err
		}
	}
	s, err := knownStream(ctx, h, other, count)
	if err != nil {
		return err
	}
	defer s.Close()
	if _, err := io.WriteString(s, "request"); err != nil {
		return err
	}
	if err := s.CloseWrite(); err != nil {
		return err
	}
	if got, err := io.ReadAll(s); string(got) != "7" {
		return fmt.Errorf("%q, %w", got, err)
	}
	return nil
}

func manyStreams(ctx context.Context, h host.Host, other peer.ID) error {
	const many = 200
	failed := make(chan error, many)
	var wait sync.WaitGroup
	for i := range many {
		wait.Go(func() {
			s, err := h.NewStream(ctx, other, echo)
			if err != nil {
				failed <- err
				return
			}
			failed <- echoed(s, 10*i)
		})
	}
	wait.Wait()
	close(failed)
	for err := range failed {
		if err != nil {
			return err
		}
	}
	return nil
}

func pinged(ctx context.Context, h host.Host, other peer.ID) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	return (<-ping.Ping(ctx, h, other)).Error
}
