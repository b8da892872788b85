//go:build !windows

package serving

import (
	"context"
	"os/exec"
	"syscall"
)

// shell returns a command in a process group of its own: it does not receive a
// Ctrl-C at this terminal, and killing it kills its children.
func shell(ctx context.Context, command string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "sh", "-c", command)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	return cmd
}
