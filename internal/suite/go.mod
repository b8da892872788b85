module github.com/multiselect/multiselect/internal/suite

go 1.26.0

require (
	github.com/libp2p/go-yamux/v5 v5.1.0
	github.com/multiselect/multiselect v0.0.0
)

require github.com/libp2p/go-buffer-pool v0.0.2 // indirect

replace github.com/multiselect/multiselect => ../..
