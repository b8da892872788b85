package main

import (
	"os/exec"
	"syscall"
)

// endsWithUs lets a process end when this one does.
func endsWithUs(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
}
