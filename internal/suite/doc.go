// Package suite tests the programs in the documents. Below it are the tests that need only the
// exported API of the root module. They are a module of their own, so that users of the library
// do not download them.
//
//   - multiselect, lazy: the package of the root, by subject, and its lazy streams.
//   - fault: streams that fail, contexts that end, tables that change, crowds.
//   - cost: allocations, calls, segments, goroutines, and memory, as exact counts.
//   - conversation: the cases of conform, in every usage, on every transport.
//   - differential: the exchange in line against the general loop, on random plans.
//   - fuzz: both roles against a second implementation of the protocol.
//   - guard: the claim about early data, for any payload.
//   - conform, report: the conformance suite against broken parties, and its reports.
//   - netmux: the server, its listeners and the dialer.
//   - wire, transcript: the codec and the notation.
//   - rules: the decisions of both roles, step by step, in whole conversations.
//   - draw, lingers, streamend, streamtest, watchdog: packages below internal.
package suite
