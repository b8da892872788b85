// Package interop connects this project's code with other implementations of
// multistream-select, over real sockets, and with mss as a process. It has only tests, which
// interop/check runs. README.md describes the other packages of this module, and the modules
// in the folders below, which need other versions of its dependencies.
//
//	./check                                         # the tests of all modules
//	GOWORK=off go test -v -run '^TestMatrix$' .     # shows each pair, and what it negotiates
//	GOWORK=off go test -v -run '^TestStrangers$' .  # shows the differences after an error
//
// In all files "ours" is github.com/multiselect/multiselect and "theirs" is
// github.com/multiformats/go-multistream. matrix_test.go has the table of scenarios: read it
// first. differences_test.go has the behaviour in which the two differ.
package interop
