package main

import (
	"cmp"
	"context"
	"errors"
	"io"
)

// join copies in to conn and conn to out until the peer ends its half. The end
// of in ends this side's half. Whatever happens to in, the peer's half counts:
// a peer that stops reading may still have something to say. But its end is no
// success if what it stopped reading was not all.
//
// When join returns, a copy of in may still wait for input that nobody wants.
func join(ctx context.Context, conn halfCloser, in io.Reader, out io.Writer) error {
	sent := make(chan error, 1)
	go func() {
		_, err := io.Copy(conn, localReader{in})
		if err == nil {
			conn.CloseWrite() // an error comes again to those who read
		}
		sent <- err
	}()
	received := make(chan error, 1)
	go func() {
		_, err := io.Copy(localWriter{out}, conn)
		received <- err
	}()
	var unsent error // why the peer has not got all of in
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case err := <-received:
			select {
			case unsent = <-sent: // both at once
			default:
			}
			return cmp.Or(streamError(err), notAll(unsent))
		case unsent = <-sent:
			if f, ok := errors.AsType[*failure](unsent); ok {
				// Half-closing would tell the peer that it has seen all.
				return f
			}
			sent = nil
		}
	}
}

// notAll says that the stream took no more although there was more to send.
func notAll(unsent error) error {
	if _, ok := errors.AsType[*failure](unsent); ok || unsent == nil {
		return nil // standard input failed when nobody wanted it any more
	}
	return &failure{code: exitClosed, err: errors.New("the peer closed before all of standard input was sent")}
}

// streamError says that the stream broke after the protocol was agreed on.
func streamError(err error) error {
	if err == nil {
		return nil
	}
	if f, ok := errors.AsType[*failure](err); ok {
		return f // without what package net wraps around it
	}
	return &failure{code: exitClosed, err: errors.New("the stream broke: " + lastWords(err))}
}

// localReader and localWriter tell this side's errors from those of the
// connection.
type localReader struct{ r io.Reader }

func (l localReader) Read(p []byte) (int, error) {
	n, err := l.r.Read(p)
	if err != nil && err != io.EOF {
		err = local("standard input", err)
	}
	return n, err
}

type localWriter struct{ w io.Writer }

func (l localWriter) Write(p []byte) (int, error) {
	n, err := l.w.Write(p)
	return n, local("standard output", err)
}
