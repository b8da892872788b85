package wire

import (
	"errors"
	"fmt"
	"strings"
)

// ErrInvalidName means that a name cannot be proposed. Errors of [CheckName] wrap it.
var ErrInvalidName = errors.New("invalid protocol name")

// CheckName returns an error unless a name can be registered and proposed. It must not be empty,
// nor one of the texts with a meaning of their own ("na", "ls", the header), nor contain a newline,
// and must fit, with its newline, into limit bytes (R9). A name without a leading slash is valid,
// but rust-libp2p and litep2p end the stream when they receive one.
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
