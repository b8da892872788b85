package multiselect

import (
	"errors"
	"fmt"
	"runtime/debug"
	"sync/atomic"
)

// A panic in a goroutine of the caller reaches the caller. In a goroutine of this package it
// would end the process: there it ends the stream, becomes the error of the call that waits, and
// is counted.

// PanicError means that code of the program, such as a method of the stream or a hook of a
// [Trace], has panicked in a goroutine of this package, or while it ended a stream. The stream
// has been ended, and the process continues. It is the cause of the [Error] of a call that waits
// for the goroutine. [LingerStats] counts all of them, and returns the latest.
type PanicError struct {
	Value any    // the argument of panic
	Stack []byte // the stack of the goroutine, as formatted by debug.Stack
}

// Error returns the argument of panic, without the stack.
func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// Unwrap returns Value if it is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

var (
	panics    atomic.Int64
	lastPanic atomic.Pointer[PanicError]
)

// recordPanic returns the error of a panic, or nil if the value is nil. A deferred function calls
// it with the result of recover.
func recordPanic(value any) *PanicError {
	if value == nil {
		return nil
	}
	err := &PanicError{value, debug.Stack()}
	panics.Add(1)
	lastPanic.Store(err)
	return err
}

func isPanic(err error) bool {
	_, ok := errors.AsType[*PanicError](err)
	return ok
}
