package main

import (
	"errors"
	"io/fs"

	"github.com/multiselect/multiselect/cmd/mss/internal/exit"
	"github.com/multiselect/multiselect/cmd/mss/internal/terminal"
)

// finish reports err on standard error and returns the exit code.
func finish(s *terminal.Stdio, err error) int {
	if err == nil {
		return exit.OK
	}
	f, ok := errors.AsType[*exit.Error](err)
	if !ok {
		// The verbs return failures; other errors are cobra's: the command line,
		// or a completion script that could not be written.
		f = &exit.Error{Code: exit.Usage, Err: err}
		if _, ok := errors.AsType[*fs.PathError](err); ok {
			f.Code = exit.Local
		}
	}
	switch {
	case f.Told:
	case s.JSON && f.Code != exit.Usage:
		s.PrintLine(terminal.Event{Event: "error", Error: f.Error(), ExitCode: f.Code})
	default:
		s.PrintError(f.Error())
	}
	return f.Code
}
