// Package dropin compares gomultistream with go-multistream: conversations, counts of calls
// and allocations, the exported API, and the replace lines of README.md. Both are imported,
// each by its own path. The package has only tests. interop/check runs them, ./check of the
// project runs TestAPI and TestReplace, and .ci/run plays 10⁶ conversations and a fuzzer.
//
// The module has no other large dependency, so that ./check downloads little. The folder
// suites runs test packages of go-libp2p and boxo with both (in .ci/run), and kubo runs two
// nodes of kubo (by hand).
package dropin
