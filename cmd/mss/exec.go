package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"time"
)

// execute runs a shell command with conn as its standard input and output. The
// command finds the protocol in MSS_PROTOCOL and the peer in MSS_PEER.
//
// The conversation is over when the command is: what the peer may still send
// then has no reader. When ctx ends, the command and its children are killed.
func execute(ctx context.Context, command, protocol string, conn halfCloser, stderr io.Writer) error {
	cmd := shell(ctx, command)
	cmd.Env = append(os.Environ(), "MSS_PROTOCOL="+protocol, "MSS_PEER="+conn.RemoteAddr().String())
	cmd.Stdout = conn
	cmd.Stderr = stderr
	// A child that outlives the command keeps the output open, not us.
	cmd.WaitDelay = time.Second
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		reset(conn)
		return err
	}
	// Not cmd.Stdin: Wait would then wait for the peer to end its half.
	go func() {
		io.Copy(stdin, conn)
		stdin.Close()
		io.Copy(io.Discard, conn) // the command reads no more, but it may write
	}()
	err = cmd.Wait()
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx) // killed by this side, which is no news
	case err != nil && !errors.Is(err, exec.ErrWaitDelay):
		hangUp(conn)
		return err
	}
	return hangUp(conn)
}
