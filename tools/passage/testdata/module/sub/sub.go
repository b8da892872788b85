// Package sub is another package of the module.
package sub

// Convert takes bytes.
func Convert(b []byte) { next(b) }
