package wire

import (
	"errors"
	"fmt"
	"strings"
)

// ErrInvalidName is wrapped by every error of [CheckName].
var ErrInvalidName = errors.New("invalid protocol name")

// CheckName tells whether a name can be registered and proposed: it is not
// empty, is none of the texts with a meaning of their own ("na", "ls", the
// header), has no newline, and fits, with its newline, into limit bytes (R9).
// Any other string will do. A name without a leading slash is legal, but rust
// and litep2p peers end the stream when they see one.
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
