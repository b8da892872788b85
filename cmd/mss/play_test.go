package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/transcript"

	"github.com/multiselect/multiselect/cmd/mss/internal/transport"
)

// play follows a transcript on a raw connection: it sends the lines of its own
// role and expects exactly the bytes of the other's. Lines of its own without a
// blank line between them leave in one write. Comments are stage directions:
//
//	# mute       say nothing and wait until the other side ends the connection
//	# cut        the same, and no byte may come before the end
//	# half       end this side's half
//	# end        the other side must have ended its half, with no byte before
//	# reset      reset the connection
//
// At the end of the script the connection is closed.
func play(conn net.Conn, script transcript.Transcript, role multiselect.Role) error {
	defer conn.Close()
	return follow(conn, script, role)
}

// follow is play, and leaves the connection open.
func follow(conn net.Conn, script transcript.Transcript, role multiselect.Role) error {
	conn.SetDeadline(time.Now().Add(patience))
	for i := 0; i < len(script); i++ {
		line := script[i]
		if line.Kind == transcript.KindComment {
			if err := direct(conn, line.Comment); err != nil {
				return fmt.Errorf("# %s: %w", line.Comment, err)
			}
			continue
		}
		said := line.AppendBytes(nil)
		for i+1 < len(script) && script[i+1].From == line.From && !script[i+1].Break && script[i+1].Kind != transcript.KindComment {
			i++
			said = script[i].AppendBytes(said)
		}
		if line.From == role {
			if _, err := conn.Write(said); err != nil {
				return err
			}
			continue
		}
		got := make([]byte, len(said))
		n, err := io.ReadFull(conn, got)
		if !bytes.Equal(got[:n], said) {
			return fmt.Errorf("got %q, %v; want %q", got[:n], err, said)
		}
	}
	return nil
}

func direct(conn net.Conn, direction string) error {
	switch direction {
	case "half":
		return conn.(transport.Stream).CloseWrite()
	case "reset":
		transport.Reset(conn.(transport.Stream))
		return nil
	}
	if !slices.Contains([]string{"mute", "cut", "end"}, direction) {
		return errors.New("no such direction")
	}
	rest, err := io.ReadAll(conn)
	switch {
	case err != nil && strings.Contains(err.Error(), "timeout"):
		return err
	case direction == "end" && err != nil:
		return err
	case direction != "mute" && len(rest) > 0:
		return fmt.Errorf("got %q", rest)
	}
	return nil
}

// registry keeps what a script has in the background between its commands.
type registry struct {
	mu sync.Mutex
	m  map[string]*background
}

func newRegistry() *registry { return &registry{m: make(map[string]*background)} }

func (r *registry) put(script string, b *background) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.m[script] = b
}

// take returns nil if there is nothing, or it was taken.
func (r *registry) take(script string) *background {
	r.mu.Lock()
	defer r.mu.Unlock()
	b := r.m[script]
	delete(r.m, script)
	return b
}
