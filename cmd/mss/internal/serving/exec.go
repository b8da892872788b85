package serving

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"

	"github.com/multiselect/multiselect/cmd/mss/internal/transport"
)

// errGone is the cause for killing a command whose client has disconnected.
var errGone = errors.New("killed: the client has disconnected")

// execute runs a shell command with conn as its standard input and output. The
// command finds the protocol in MSS_PROTOCOL and the peer in MSS_PEER.
//
// The conversation ends when the command ends; later bytes from the peer are
// dropped. When ctx ends or the client disconnects, the command and its children
// are killed. Every failure resets the connection.
func execute(ctx context.Context, command, protocol string, conn transport.Stream, stderr io.Writer) error {
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
		breakOff(ctx, conn)
		return fmt.Errorf("cannot start: %w", err)
	}
	// Not cmd.Stdin: Wait would then wait for the peer to end its half.
	go func() {
		in := &source{conn: conn}
		io.Copy(stdin, in)
		stdin.Close()
		io.Copy(io.Discard, in) // the command has stopped reading, but may still write
		if in.err != nil {
			cancel(errGone)
		}
	}()
	go watchClient(ctx, connectionOf(ctx).Stream, cancel)
	err = cmd.Wait()
	switch {
	case ctx.Err() != nil:
		transport.Reset(conn) // the peer must not mistake partial output for the whole
		return context.Cause(ctx)
	case err != nil && !errors.Is(err, exec.ErrWaitDelay):
		breakOff(ctx, conn)
		return err
	}
	return transport.HangUp(conn)
}

// breakOff resets the connection of a target that failed, since a plain end would make
// partial output look complete. A reset discards output that was not sent, or not read by
// the client, and the agreement with it. breakOff first allows breakOffTime for both.
func breakOff(ctx context.Context, conn transport.Stream) {
	select {
	case <-time.After(breakOffTime):
	case <-ctx.Done():
	}
	transport.Reset(conn)
}

const breakOffTime = 500 * time.Millisecond

// watchClient cancels when the client has disconnected, which would stay unnoticed
// while the command neither reads nor writes. A client that has ended only its
// half is still connected.
func watchClient(ctx context.Context, conn transport.Stream, cancel context.CancelCauseFunc) {
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
