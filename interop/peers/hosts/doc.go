// Package hosts connects the tool, mss, with real hosts of go-libp2p and of py-libp2p. It has
// only tests, which interop/check runs; those with py-libp2p require Python 3.11 with venv.
package hosts
