package main

import (
	"errors"
	"io/fs"
)

// finish reports err on standard error and returns the exit code.
func finish(s *stdio, err error) int {
	if err == nil {
		return exitOK
	}
	f, ok := errors.AsType[*failure](err)
	if !ok {
		// The verbs return failures; other errors are cobra's: the command line,
		// or a completion script that could not be written.
		f = &failure{code: exitUsage, err: err}
		if _, ok := errors.AsType[*fs.PathError](err); ok {
			f.code = exitLocal
		}
	}
	switch {
	case f.told:
	case s.json && f.code != exitUsage:
		s.printLine(event{Event: "error", Error: f.Error(), ExitCode: f.code})
	default:
		s.printError(f.Error())
	}
	return f.code
}
