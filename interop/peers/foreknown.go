package main

import (
	"fmt"
	"strings"

	"github.com/multiselect/multiselect"
)

// foreknown is what was known of the peers before the suite was played, from their
// sources and from talking to them by hand, and the case that shows it by itself. A
// row without a case says why none can.
var foreknown = []struct {
	peer string
	role multiselect.Role
	what string
	id   string
	why  string
}{
	{"go-multistream", multiselect.Responder, "says its header first, in a write of its own", "R1-echo", ""},
	{"go-multistream", multiselect.Responder, "a name that is registered again moves to the end", "", "nothing of it is on the wire of one stream; interop/dropin compares it"},
	{"go-multistream", multiselect.Responder, "refuses for ever", "", "that is allowed; our own limit is R25's"},
	{"rust", multiselect.Responder, "header and answer are two writes", "R1-echo", ""},
	{"rust", multiselect.Responder, "a name without a slash ends the stream", "R10-no-slash", ""},
	{"rust", multiselect.Responder, "`na` ends the stream", "R10-na", ""},
	{"rust", multiselect.Responder, "what looks like a list ends the stream", "R10-nested", ""},
	{"js", multiselect.Responder, "needs no header", "R2-none", ""},
	{"js", multiselect.Responder, "bears header 1.1.0, and refuses it like a protocol", "R2-version-1.1.0", ""},
	{"js", multiselect.Responder, "bears header 2.0.0", "R2-version-2.0.0", ""},
	{"js", multiselect.Responder, "answers a header whenever one comes", "R4-repeated", ""},
	{"js", multiselect.Responder, "trims names: a newline", "R13-newline", ""},
	{"js", multiselect.Responder, "trims names: a space", "R13-space-behind", ""},
	{"js", multiselect.Responder, "waits for a huge message", "R7-huge", ""},
	{"js", multiselect.Responder, "reads a length without end", "R7-endless", ""},
	{"js", multiselect.Responder, "lengths need not be minimal", "R2-padded", ""},
	{"js", multiselect.Responder, "an answer is several writes", "R1-echo", ""},
	{"python", multiselect.Responder, "says its header first, in a write of its own", "R1-echo", ""},
	{"python", multiselect.Responder, "joins the list by newlines", "R20-format", ""},
	{"python", multiselect.Responder, "lengths need not be minimal", "R2-padded", ""},
	{"python", multiselect.Responder, "waits for a huge message", "R7-gigabyte", ""},
	{"python", multiselect.Responder, "bytes that are not UTF-8 raise an exception of another module", "", "the stream is ended, which is legal; the exception stays inside"},
	{"go-multistream", multiselect.Initiator, "finds a wrong header behind a second message only", "R2-none", ""},
	{"go-multistream", multiselect.Initiator, "the same, of a stranger", "R3-http", ""},
	{"go-libp2p", multiselect.Initiator, "Close of a lazy stream waits for the peer", "R31-close-silent", ""},
	{"rust", multiselect.Initiator, "takes an echo without a header", "R2-none", ""},
	{"rust", multiselect.Initiator, "takes `na` without a header", "R2-none-na", ""},
	{"rust", multiselect.Initiator, "bears any number of headers", "R14-header", ""},
	{"rust", multiselect.Initiator, "lazy: takes an echo without a header", "R30-no-header", ""},
	{"js", multiselect.Initiator, "length and text are writes of their own", "R1-first-flight", ""},
	{"js", multiselect.Initiator, "another protocol counts as a refusal", "R14-other", ""},
	{"js", multiselect.Initiator, "so does `NA`", "R14-upper-na", ""},
	{"js", multiselect.Initiator, "so does `na` and a space", "R14-na-space", ""},
	{"js", multiselect.Initiator, "so does an empty answer", "R14-empty", ""},
	{"js", multiselect.Initiator, "so does a list", "R14-list", ""},
	{"js", multiselect.Initiator, "so does the header said again, and the next answer is a step behind", "R14-header", ""},
	{"js", multiselect.Initiator, "trims the echo", "R14-space", ""},
	{"js", multiselect.Initiator, "waits for a huge answer", "R7-huge", ""},
	{"js", multiselect.Initiator, "reads a length without end", "R7-endless", ""},
	{"python", multiselect.Initiator, "waits for the header before it proposes", "R1-first-flight", ""},
	{"python", multiselect.Initiator, "the header said again begins the handshake anew", "R14-header", ""},
}

func writeForeknown(b *strings.Builder) {
	b.WriteString(`
### What was known before

Of the releases above it was known, from their sources and from talking to them by
hand, that they deviate like this. The suite finds it by itself, in the case named
and in its neighbours; what else it has found is in the list of failures.

| peer | role | known | case |
|---|---|---|---|
`)
	for _, k := range foreknown {
		shown := k.id
		if shown == "" {
			shown = "none: " + k.why
		}
		fmt.Fprintf(b, "| %s | %v | %s | %s |\n", k.peer, k.role, k.what, shown)
	}
}
