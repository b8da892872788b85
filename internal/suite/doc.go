// Package suite has no code, but for a test of the programs in the documents. Below it are the tests that need only the exported API of the
// root module. They are a module of their own, so that users of the library do not download
// them.
//
//   - fault: streams that fail, contexts that end, tables that change, crowds.
//   - lazy: lazy streams that fail, linger, race, nest, and their cost.
//   - cost: allocations, calls, segments, goroutines, and memory, as exact counts.
//   - conversation: the cases of conform, in every usage, on every transport.
//   - differential: the exchange in line against the general loop, on random plans.
//   - fuzz: both roles against a second implementation of the protocol.
//   - guard: the claim about early data, for any payload.
//   - conform, report: the conformance suite against broken parties, and its reports.
//   - netmux: the server, its listeners and the dialer.
//   - rules: the decisions of both roles, step by step, in whole conversations.
//   - draw, streamtest: packages that programs and tests share.
package suite
