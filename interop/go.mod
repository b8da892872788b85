module github.com/multiselect/multiselect/interop

go 1.26.0

require (
	github.com/multiformats/go-multistream v0.6.1
	github.com/multiselect/multiselect v0.0.0
)

require github.com/multiformats/go-varint v0.0.6 // indirect

replace github.com/multiselect/multiselect => ..
