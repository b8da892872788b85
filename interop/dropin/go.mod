module github.com/multiselect/multiselect/interop/dropin

go 1.26.0

require (
	github.com/multiformats/go-multistream v0.6.1
	github.com/multiformats/go-varint v0.0.6
	github.com/multiselect/multiselect v0.0.0
	github.com/multiselect/multiselect/gomultistream v0.0.0
	golang.org/x/mod v0.43.0
)

replace (
	github.com/multiselect/multiselect => ../..
	github.com/multiselect/multiselect/gomultistream => ../../gomultistream
)
