package main

import (
	"cmp"
	"context"
	"errors"
	"io"

	"github.com/multiselect/multiselect/cmd/mss/internal/attempt"
	"github.com/multiselect/multiselect/cmd/mss/internal/exit"
	"github.com/multiselect/multiselect/cmd/mss/internal/transport"
)

// join copies in to conn and conn to out until the peer ends its half. The end
// of in ends this side's half. A peer that stops reading may still write, so join
// goes on until the peer's half ends; but then it fails if the peer did not read
// all of in.
//
// When join returns, a goroutine may still be blocked in a Read of in.
func join(ctx context.Context, conn transport.Stream, in io.Reader, out io.Writer) error {
	sent := make(chan error, 1)
	go func() {
		_, err := io.Copy(conn, localReader{in})
		if err == nil {
			conn.CloseWrite() // the next Read returns the same error
		}
		sent <- err
	}()
	received := make(chan error, 1)
	go func() {
		_, err := io.Copy(localWriter{out}, conn)
		received <- err
	}()
	var unsent error // why the peer has not received all of in
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case err := <-received:
			select {
			case unsent = <-sent: // both are ready
			default:
			}
			return cmp.Or(streamError(err), notAll(unsent))
		case unsent = <-sent:
			if f, ok := errors.AsType[*exit.Error](unsent); ok {
				// Half-closing would make partial input look complete.
				return f
			}
			sent = nil
		}
	}
}

// notAll returns the error for input that the peer did not read.
func notAll(unsent error) error {
	if _, ok := errors.AsType[*exit.Error](unsent); ok || unsent == nil {
		return nil // standard input failed after the stream had ended
	}
	return &exit.Error{Code: exit.Closed, Err: errors.New("the peer closed before all of standard input was sent")}
}

// streamError returns the error for a stream that failed after the agreement.
func streamError(err error) error {
	if err == nil {
		return nil
	}
	if f, ok := errors.AsType[*exit.Error](err); ok {
		return f // without the wrapping of package net
	}
	return &exit.Error{Code: exit.Closed, Err: errors.New("the stream broke: " + attempt.DescribeEnd(err))}
}

// localReader and localWriter mark this side's errors, to distinguish them from
// those of the connection.
type localReader struct{ r io.Reader }

func (l localReader) Read(p []byte) (int, error) {
	n, err := l.r.Read(p)
	if err != nil && err != io.EOF {
		err = exit.AsLocal("standard input", err)
	}
	return n, err
}

type localWriter struct{ w io.Writer }

func (l localWriter) Write(p []byte) (int, error) {
	n, err := l.w.Write(p)
	return n, exit.AsLocal("standard output", err)
}
