// Package conform is a conformance suite for multistream-select 1.0. It holds
// what a responder and an initiator have to do as cases, plays the other side
// of each, and says what came of it.
//
//	responder := conform.Responder{
//		Dial:      func(ctx context.Context) (io.ReadWriteCloser, error) { … },
//		Protocols: []string{"/echo/1.0.0"},
//	}
//	report, err := conform.RunResponder(ctx, responder, conform.Options{})
//
// [TestResponder] and [TestInitiator] do the same as Go tests, a subtest for
// each case.
//
// # What a party under test has to do
//
// A responder serves the names in [Responder].Protocols, each as an echo: what
// is read is written back, and when reading ends, writing is ended too. An
// initiator does what a [Task] says, and becomes an echo as well once a protocol
// is agreed. It may be a function of this process ([Streams]), or a program that
// is started for each case ([Command]), in any language.
//
// # Cases
//
// A [Case] is a script, which says what the tester does, and a set of legal
// outcomes, each with its reason. What the party under test said and how it
// ended the stream must be one of them. The cases are text files, in
// conform/cases, in the transcript notation of package wire with a few words
// more; conform/cases/README.md is the format, for readers in other languages.
// The id of a case begins with the rule of docs/protocol.md that it is about,
// and the case quotes the sentence of the specification, where there is one.
//
// # Verdicts
//
// A missed MUST is [Fail], and so is missed robustness; a missed SHOULD is
// [Warn], and [Fail] with [Options].Strict. What is only [Info] never fails.
// What a party cannot do, and need not, is [Unsupported]. A case that does not
// fit is [Skipped]: the reason says what was missing. [Error] says that the
// tester could not do its work, for example could not connect.
//
// # How the tester listens
//
// From the first byte on it reads while it writes, so that streams without
// buffers never block because of it. It does not sleep: a script goes on when the
// party has said what stands there, and ends when the party has ended the stream,
// unless that was its task, and with the time of the case. Where silence is
// what is asked for, it has to last for [Options].Quiet, or ten times as long if it
// is held against the party. A case takes at most [Options].Timeout.
package conform
