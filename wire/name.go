package wire

import (
	"errors"
	"fmt"
	"strings"
)

// ErrInvalidName is wrapped by the errors of [CheckName].
var ErrInvalidName = errors.New("invalid protocol name")

// CheckName returns an error if a name cannot be registered and proposed (R9). A valid
// name is not empty and not reserved ("na", "ls", the header), contains no newline, and
// has at most limit bytes with its newline. A name without a leading slash is valid, but
// rust and litep2p peers end the stream when they receive one.
func CheckName(name string, limit int) error {
	switch {
	case name == "":
		return fmt.Errorf("%w: it is empty", ErrInvalidName)
	case name == NA || name == LS || name == Header:
		return fmt.Errorf("%w: %q is reserved", ErrInvalidName, name)
	case len(name)+1 > limit:
		return fmt.Errorf("%w: %d bytes, %d allowed", ErrInvalidName, len(name), limit-1)
	case strings.IndexByte(name, '\n') >= 0:
		return fmt.Errorf("%w: %q has a newline in it", ErrInvalidName, name)
	}
	return nil
}
