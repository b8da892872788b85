package main

import (
	"context"
	"os/exec"
)

// shell returns a command for the interpreter of Windows.
func shell(ctx context.Context, command string) *exec.Cmd {
	return exec.CommandContext(ctx, "cmd", "/C", command)
}

// gone reports nothing: here a client that is gone is noticed by reading and by
// writing only.
func gone(halfCloser) bool { return false }
