module github.com/multiselect/multiselect/interop

go 1.26.0

require (
	github.com/google/pprof v0.0.0-20261016150608-1facf8f91b50
	github.com/hashicorp/yamux v0.1.2
	github.com/libp2p/go-yamux/v5 v5.1.0
	github.com/multiformats/go-multistream v0.6.1
	github.com/multiselect/multiselect v0.0.0
	github.com/quic-go/quic-go v0.65.0
	github.com/xtaci/smux v1.5.58
	golang.org/x/net v0.56.0
	golang.org/x/sys v0.47.0
)

require (
	github.com/libp2p/go-buffer-pool v0.0.2 // indirect
	github.com/multiformats/go-varint v0.0.6 // indirect
	golang.org/x/crypto v0.54.0 // indirect
)

replace github.com/multiselect/multiselect => ..
