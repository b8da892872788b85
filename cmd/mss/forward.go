package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// forward joins conn to another TCP server, each half for itself.
func forward(ctx context.Context, hostPort string, conn halfCloser) error {
	const patience = 10 * time.Second
	limited, cancel := context.WithTimeout(ctx, patience)
	onward, err := address{where: hostPort}.dial(limited)
	cancel()
	if err != nil {
		// A plain end would look like an answer without content.
		reset(conn)
		return fmt.Errorf("cannot connect to %s: %w", hostPort, cause(errors.Unwrap(err)))
	}
	defer onward.Close()
	defer context.AfterFunc(ctx, func() { onward.Close() })()
	done := make(chan error, 2)
	go func() { done <- pump(onward, conn) }()
	go func() { done <- pump(conn, onward) }()
	return cmp.Or(<-done, <-done)
}

// pump copies one direction. How it ends is passed on: an end as an end, a
// reset as a reset. A destination that takes no more may still have something
// to say, which is the other direction's business.
func pump(to, from halfCloser) error {
	in := &source{conn: from}
	_, err := io.Copy(to, in)
	switch {
	case in.err != nil:
		reset(to)
		return in.err
	case err != nil:
		drop(from)
		return err
	}
	to.CloseWrite() // if it is gone already, it has missed nothing
	return nil
}

// source remembers why reading failed.
type source struct {
	conn halfCloser
	err  error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.conn.Read(p)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}
