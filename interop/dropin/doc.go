// Package dropin compares gomultistream with go-multistream.
package dropin
