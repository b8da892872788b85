// Package interop puts this project's code together with other implementations
// of multistream-select, over real sockets, and with mss as a process. It holds
// nothing but tests, is never published, and is not part of go.work:
//
//	./check                                         # everything, as CI runs it
//	GOWORK=off go test -v -run '^TestMatrix$' .     # shows who talks to whom, and how
//	GOWORK=off go test -v -run '^TestStrangers$' .  # shows what differs when it goes wrong
//
// In all files "ours" is github.com/multiselect/multiselect and "theirs" is
// github.com/multiformats/go-multistream. matrix_test.go holds the table of
// scenarios: read it first. differences_test.go holds what the two do not have
// in common.
package interop
