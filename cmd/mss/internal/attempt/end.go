package attempt

import (
	"errors"
	"io"
	"strings"
	"syscall"

	"github.com/multiselect/multiselect"

	"github.com/multiselect/multiselect/cmd/mss/internal/transport"
)

// DescribeEnd describes how a connection ended.
func DescribeEnd(err error) string {
	if e, ok := errors.AsType[*transport.EndError](err); ok {
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
	return transport.Reason(err)
}

// IsOtherVersion reports whether the bytes begin with a header of another version,
// with its length.
func IsOtherVersion(received string) bool {
	return received != "" && strings.HasPrefix(received[1:], "/multistream/")
}
