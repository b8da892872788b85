package serving

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/multiselect/multiselect/cmd/mss/internal/address"
	"github.com/multiselect/multiselect/cmd/mss/internal/transport"
)

// forward connects conn to another TCP server. Each direction ends by itself.
func forward(ctx context.Context, hostPort string, conn transport.Stream) error {
	const connectTimeout = 10 * time.Second
	limited, cancel := context.WithTimeout(ctx, connectTimeout)
	onward, err := transport.Dial(limited, address.Address{Where: hostPort})
	cancel()
	if err != nil {
		breakOff(ctx, conn)
		return fmt.Errorf("cannot connect to %s: %w", hostPort, transport.Cause(errors.Unwrap(err)))
	}
	defer onward.Close()
	defer context.AfterFunc(ctx, func() { onward.Close() })()
	done := make(chan error, 2)
	go func() { done <- pump(onward, conn) }()
	go func() { done <- pump(conn, onward) }()
	return cmp.Or(<-done, <-done)
}

// pump copies one direction. It passes on how the direction ended: an end as an
// end, a reset as a reset. A destination that has stopped reading may still write;
// the other direction handles that.
func pump(to, from transport.Stream) error {
	in := &source{conn: from}
	_, err := io.Copy(to, in)
	switch {
	case in.err != nil:
		transport.Reset(to)
		return in.err
	case err != nil:
		transport.DropInput(from)
		return err
	}
	to.CloseWrite() // if to has ended already, it does not need this end
	return nil
}

// source records the error of a failed read.
type source struct {
	conn transport.Stream
	err  error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.conn.Read(p)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}
