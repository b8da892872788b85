package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

// errGone is why a command was killed whose client is no longer there.
var errGone = errors.New("killed: the client is gone")

// execute runs a shell command with conn as its standard input and output. The
// command finds the protocol in MSS_PROTOCOL and the peer in MSS_PEER.
//
// The conversation is over when the command is: what the peer may still send
// then has no reader. When ctx ends or the client is gone, the command and its
// children are killed. Whatever is not success resets the connection.
func execute(ctx context.Context, command, protocol string, conn halfCloser, stderr io.Writer) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	cmd := shell(ctx, command)
	cmd.Env = append(os.Environ(), "MSS_PROTOCOL="+protocol, "MSS_PEER="+conn.RemoteAddr().String())
	cmd.Stdout = conn
	cmd.Stderr = stderr
	// A child that outlives the command keeps the output open, not us.
	cmd.WaitDelay = time.Second
	stdin, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		reset(conn)
		return fmt.Errorf("cannot start: %w", err)
	}
	// Not cmd.Stdin: Wait would then wait for the peer to end its half.
	go func() {
		in := &source{conn: conn}
		io.Copy(stdin, in)
		stdin.Close()
		io.Copy(io.Discard, in) // the command reads no more, but it may write
		if in.err != nil {
			cancel(errGone)
		}
	}()
	go watchClient(ctx, conn, cancel)
	err = cmd.Wait()
	switch {
	case ctx.Err() != nil:
		reset(conn) // the peer, if it is there, has not got all
		return context.Cause(ctx)
	case err != nil && !errors.Is(err, exec.ErrWaitDelay):
		breakOff(ctx, conn)
		return err
	}
	return hangUp(conn)
}

// breakOff ends the connection of a command that failed: a plain end would make
// what it printed look like all there is. That must come first, and a reset takes
// away what has not left yet, so there is a moment for it to leave.
func breakOff(ctx context.Context, conn halfCloser) {
	select {
	case <-time.After(200 * time.Millisecond):
	case <-ctx.Done():
	}
	reset(conn)
}

// watchClient cancels when the client is gone, which nobody else notices while
// the command neither reads nor writes. A client that has only ended its half
// is there.
func watchClient(ctx context.Context, conn halfCloser, cancel context.CancelCauseFunc) {
	ticker := time.NewTicker(250 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if gone(conn) {
			cancel(errGone)
			return
		}
	}
}
