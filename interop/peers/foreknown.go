package main

import (
	"fmt"
	"strings"

	"github.com/multiselect/multiselect"
)

// foreknown lists the deviations of the peers that were known before the suite was
// played, from their sources and from trials by hand, and the case that finds each.
// A row without a case has the reason.
var foreknown = []struct {
	peer string
	role multiselect.Role
	what string
	id   string
	why  string
}{
	{"go-multistream", multiselect.Responder, "sends its header first, in a separate write", "R1-echo", ""},
	{"go-multistream", multiselect.Responder, "a name that is registered again moves to the end", "", "it cannot be seen on one stream; interop/dropin compares it"},
	{"go-multistream", multiselect.Responder, "refuses without a limit", "", "that is allowed; our own limit is R25's"},
	{"rust", multiselect.Responder, "header and answer are two writes", "R1-echo", ""},
	{"rust", multiselect.Responder, "a name without a slash ends the stream", "R10-no-slash", ""},
	{"rust", multiselect.Responder, "`na` ends the stream", "R10-na", ""},
	{"rust", multiselect.Responder, "a name that looks like a list ends the stream", "R10-nested", ""},
	{"js", multiselect.Responder, "needs no header", "R2-none", ""},
	{"js", multiselect.Responder, "accepts header 1.1.0, and refuses it like a protocol", "R2-version-1.1.0", ""},
	{"js", multiselect.Responder, "accepts header 2.0.0", "R2-version-2.0.0", ""},
	{"js", multiselect.Responder, "answers a header whenever one comes", "R4-repeated", ""},
	{"js", multiselect.Responder, "trims names: a newline", "R13-newline", ""},
	{"js", multiselect.Responder, "trims names: a space", "R13-space-behind", ""},
	{"js", multiselect.Responder, "waits for a huge message", "R7-huge", ""},
	{"js", multiselect.Responder, "reads a length without end", "R7-endless", ""},
	{"js", multiselect.Responder, "lengths need not be minimal", "R2-padded", ""},
	{"js", multiselect.Responder, "an answer is several writes", "R1-echo", ""},
	{"python", multiselect.Responder, "sends its header first, in a separate write", "R1-echo", ""},
	{"python", multiselect.Responder, "joins the list by newlines", "R20-format", ""},
	{"python", multiselect.Responder, "lengths need not be minimal", "R2-padded", ""},
	{"python", multiselect.Responder, "waits for a huge message", "R7-gigabyte", ""},
	{"python", multiselect.Responder, "bytes that are not UTF-8 raise an exception of another module", "", "the stream is ended, which is legal; the exception stays inside"},
	{"go-multistream", multiselect.Initiator, "notices a wrong header only after a second message", "R2-none", ""},
	{"go-multistream", multiselect.Initiator, "a server of another protocol as well", "R3-http", ""},
	{"go-libp2p", multiselect.Initiator, "Close of a lazy stream waits for the peer", "R31-close-silent", ""},
	{"rust", multiselect.Initiator, "takes an echo without a header", "R2-none", ""},
	{"rust", multiselect.Initiator, "takes `na` without a header", "R2-none-na", ""},
	{"rust", multiselect.Initiator, "accepts any number of headers", "R14-header", ""},
	{"rust", multiselect.Initiator, "lazy: takes an echo without a header", "R30-no-header", ""},
	{"js", multiselect.Initiator, "length and text are separate writes", "R1-first-flight", ""},
	{"js", multiselect.Initiator, "another protocol counts as a refusal", "R14-other", ""},
	{"js", multiselect.Initiator, "so does `NA`", "R14-upper-na", ""},
	{"js", multiselect.Initiator, "so does `na` and a space", "R14-na-space", ""},
	{"js", multiselect.Initiator, "so does an empty answer", "R14-empty", ""},
	{"js", multiselect.Initiator, "so does a list", "R14-list", ""},
	{"js", multiselect.Initiator, "so does a second header, and later answers are off by one", "R14-header", ""},
	{"js", multiselect.Initiator, "trims the echo", "R14-space", ""},
	{"js", multiselect.Initiator, "waits for a huge answer", "R7-huge", ""},
	{"js", multiselect.Initiator, "reads a length without end", "R7-endless", ""},
	{"python", multiselect.Initiator, "waits for the header before it proposes", "R1-first-flight", ""},
	{"python", multiselect.Initiator, "a second header restarts the handshake", "R14-header", ""},
}

func writeForeknown(b *strings.Builder) {
	b.WriteString(`
### Known before

These deviations of the releases above were known, from their sources and from trials
by hand. The suite finds each by itself, in the case named and in similar ones; the
list of failures has all that it has found.

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
