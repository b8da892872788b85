package main

import (
	"errors"
	"io"
	"syscall"

	"github.com/multiselect/multiselect"
)

// endOf describes how a connection ended.
func endOf(err error) string {
	if e, ok := errors.AsType[*endError](err); ok {
		return e.Error()
	}
	switch {
	case errors.Is(err, io.EOF):
		return "it hung up before it sent anything"
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "it hung up before it had answered"
	case errors.Is(err, syscall.ECONNRESET):
		return "it reset the connection"
	}
	if e, ok := errors.AsType[*multiselect.CommunicatorError](err); ok {
		err = e.Err
	}
	return reason(err)
}
