package serving

import (
	"context"
	"os/exec"

	"github.com/multiselect/multiselect/cmd/mss/internal/transport"
)

// shell returns a command for the interpreter of Windows.
func shell(ctx context.Context, command string) *exec.Cmd {
	return exec.CommandContext(ctx, "cmd", "/C", command)
}

// gone returns false: on Windows only reads and writes notice that a client has
// disconnected.
func gone(transport.Stream) bool { return false }
