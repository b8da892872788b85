// Package hosts lets the tool, mss, talk to real hosts: of go-libp2p and of
// py-libp2p. It has tests only, and is never published.
package hosts
