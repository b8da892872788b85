package serving

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/multiselect/multiselect/cmd/mss/internal/address"
	"github.com/multiselect/multiselect/cmd/mss/internal/transport"
)

// target serves a protocol: it has a kind and, for some kinds, an argument.
type target struct{ kind, argument string }

// TargetKinds are the kinds, as written on the command line.
var TargetKinds = [...]string{"echo", "time", "discard", "static:", "exec:", "tcp:"}

// targetForms lists the targets for help texts and errors.
const targetForms = "echo, time, discard, static:TEXT, exec:COMMAND, tcp:HOST:PORT"

func (t target) String() string {
	if t.argument == "" {
		return t.kind
	}
	return t.kind + ":" + t.argument
}

// check returns an error for a target that cannot work.
func (t target) check() error {
	switch {
	case t.kind == "tcp":
		if err := address.CheckHostPort(t.argument); err != nil {
			return fmt.Errorf("tcp:%s: %w: write tcp:HOST:PORT", t.argument, err)
		}
	case t.kind == "exec" && t.argument == "":
		return errors.New("exec: needs a COMMAND")
	}
	return nil
}

// serve serves conn until the conversation or ctx ends. It does not close conn.
func (t target) serve(ctx context.Context, protocol string, conn transport.Stream, stderr io.Writer) error {
	switch t.kind {
	case "echo":
		if err := echo(conn); err != nil {
			return err
		}
		return conn.CloseWrite()
	case "time":
		return sendText(conn, time.Now().UTC().Format(time.RFC3339Nano)+"\n")
	case "static":
		return sendText(conn, t.argument)
	case "discard":
		_, err := io.Copy(io.Discard, conn)
		return err
	case "exec":
		return execute(ctx, t.argument, protocol, conn, stderr)
	case "tcp":
		return forward(ctx, t.argument, conn)
	}
	return fmt.Errorf("no such target: %s", t)
}

// echo sends back all that it reads. It uses a buffer, because io.Copy from a TCP connection holds
// a pipe while it waits, and keeps that for minutes: two descriptors for each client that is idle.
func echo(conn transport.Stream) error {
	_, err := io.CopyBuffer(struct{ io.Writer }{conn}, struct{ io.Reader }{conn}, make([]byte, 8<<10))
	return err
}

// sendText writes a text and ends this side's half.
func sendText(conn transport.Stream, text string) error {
	if _, err := io.WriteString(conn, text); err != nil {
		return err
	}
	return transport.HangUp(conn)
}
