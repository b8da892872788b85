// Package conform is a conformance suite for multistream-select 1.0. It contains the
// duties of a responder and of an initiator as cases, plays the other side of each case
// against a party under test, and reports the results.
//
//	responder := conform.Responder{
//		Dial:      func(ctx context.Context) (io.ReadWriteCloser, error) { … },
//		Protocols: []string{"/echo/1.0.0"},
//	}
//	report, err := conform.RunResponder(ctx, responder, conform.Options{})
//
// [TestResponder] and [TestInitiator] run the cases as Go tests, one subtest for each.
//
// # The party under test
//
// A responder must serve the names in [Responder.Protocols], each as an echo: it writes
// back the bytes that it reads, and after the end of reading it ends writing. An initiator
// must perform a [Task], and is an echo after the agreement. It is a function in this
// process ([PipeInitiator], [DialInitiator]), or a program in any language that is
// started for each case ([CommandInitiator]).
//
// # Cases
//
// A [Case] consists of a script, which the tester performs, and a set of legal outcomes,
// each with its reason. The bytes of the party under test and the way in which it ends
// the stream must match one of them. The cases are text files in conform/cases, in the
// notation of package transcript with some more keywords; conform/cases/README.md
// describes the format for readers in other languages. The id of a case begins with a
// rule of docs/protocol.md. The case quotes the sentence of the specification that it
// checks, if there is one.
//
// # Verdicts
//
// If the party misses a case, the level of the case decides the verdict: a MUST or a
// robustness case is [VerdictFail]; a SHOULD is [VerdictWarn], and [VerdictFail] with
// [Options.Strict]; a MAY is [VerdictUnsupported]; a case for information is
// [VerdictInfo], which never fails a run. A party that cannot perform an optional task
// gets [VerdictUnsupported]. A case that does not fit the party or the stream is
// [VerdictSkipped]; the reason names the missing feature. [VerdictError] is a failure of
// the tester, for example to connect.
//
// # Timing
//
// The tester reads from the start and concurrently with its writes, so it never blocks a
// party on a stream without buffers. It does not sleep: each step of a script follows as
// soon as the expected bytes have arrived. A script ends when its time expires, or when the
// party ends the stream, unless ending it was the task. A case that requires silence
// waits for [Options.Quiet], and ten times as long if the silence counts against the
// party. A case takes at most [Options.Timeout], and a case about the responder's time
// limit [Responder.Timeout] more.
package conform
