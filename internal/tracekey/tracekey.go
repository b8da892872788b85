// Package tracekey holds the key of a context under which package multiselect keeps a
// Trace. Package netmux, which also agrees on protocols by ALPN, uses it too.
package tracekey

// Key is the type of the key, and its zero value is the key.
type Key struct{}
