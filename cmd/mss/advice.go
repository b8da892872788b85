package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"syscall"

	"github.com/libp2p/go-libp2p/core/sec"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/wire"
)

// next returns advice on a failure.
func (a *attempt) next(n *near) string {
	switch exitCode(a.err) {
	case exitConnect:
		return a.nextConnect()
	case exitTimeout:
		if !a.connected {
			return "check the address, or allow more time with --timeout"
		}
		if a.headerArrived() {
			return "allow more time with --timeout, or look into the peer's log: it has not answered"
		}
		return "allow more time with --timeout, or check that nothing (TLS, noise) has to come before multistream-select"
	case exitViolation:
		if guess := a.lookalike(); guess != "" {
			return guess
		}
		return "tell the peer's authors; run it again with -v for the whole transcript"
	case exitClosed:
		if e, ok := errors.AsType[*endError](a.err); ok && e.limited() {
			return "it is full, or refuses more from this side: try again later"
		}
		if len(a.refused) > 0 {
			return "it may allow a single proposal: " + a.command("dial", a.proposed())
		}
		if a.headerArrived() {
			return "its log may say why"
		}
		return "if it answers sometimes, it is full; if never, it may want TLS or noise first; its log may tell which"
	case exitRefused:
		return a.nextRefused(n)
	}
	return ""
}

func (a *attempt) nextConnect() string {
	print, untrusted := badCertificate(a.err)
	var noTLS tls.RecordHeaderError
	var another sec.ErrPeerIDMismatch
	switch {
	case errors.As(a.err, &another):
		return "it is another peer, with another key: ask its owner for the address, or omit /p2p/ID to accept any peer"
	case untrusted:
		return "if that is the peer you mean: --pin " + print + "; else --ca FILE or --insecure"
	case errors.As(a.err, &noTLS):
		return "it does not speak TLS: write --to " + a.peer.address.where
	case a.peer.address.form == formTLS && (errors.Is(a.err, io.EOF) || errors.Is(a.err, syscall.ECONNRESET)):
		return "it ends the connection before TLS is set up: it may not speak it: try --to " + a.peer.address.where
	case errors.Is(a.err, syscall.ECONNREFUSED), errors.Is(a.err, syscall.ENOENT):
		return "nothing listens there: check the address, or start a responder with " +
			strings.TrimSpace("mss serve --listen "+shellQuote(a.peer.address.String()))
	case a.peer.address.form == formUnix:
		return "check the path and its permissions"
	}
	return "check the address and the route to it"
}

func (a *attempt) nextRefused(n *near) string {
	names, known := a.offers()
	switch {
	case len(a.protocols) == 0:
		return "ask for names that it may speak: " + a.command("probe", "/NAME/1.0.0")
	case n != nil && shellQuote(n.offered) != "":
		return a.command("dial", n.offered)
	case a.rung == stepSecurity && known && len(names) > 0:
		return "it offers no security protocol: it may be reached without one, with --to " + a.peer.address.where
	case a.rung == stepSecurity:
		return "mss speaks " + displayAll(securities) + " and no other security: ask the peer's owner for one of them"
	case a.rung != "":
		return "mss speaks " + yamuxID + " and no other muxer: ask the peer's owner for it"
	case known && a.peer.address.form == formTCP && slices.Contains(names, securities[0]) && !slices.Contains(a.protocols, securities[0]):
		to := shellQuote(libp2pForm(a.peer.address.where))
		return "its streams are inside a security protocol: mss dial --to " + to + " " + shellQuote(a.protocols[0])
	case known && len(names) > 0:
		return "propose one of what it offers"
	case a.mode == lazyMode: // the stream has ended, so ls was not sent
		return "see what it offers: " + strings.TrimSpace(a.command("ls", ""))
	case known:
		return "register a protocol there: it offers nothing"
	}
	return "try other names or versions: " + a.command("probe", "/NAME/VERSION ...")
}

// command returns a command line for the same peer. The argument is not quoted:
// the caller must shellQuote it if it comes from the peer.
func (a *attempt) command(verb, argument string) string {
	to := ""
	if a.peer.given != "" {
		to = " --to " + shellQuote(a.peer.given)
	}
	if quoted := shellQuote(argument); verb == "dial" && quoted != "" {
		argument = quoted
	}
	return fmt.Sprintf("mss %s%s %s", verb, to, argument)
}

// lookalike recognises peers of other protocols by the bytes that they sent in
// place of the header.
func (a *attempt) lookalike() string {
	e, ok := errors.AsType[*multiselect.Error](a.err)
	if !ok || a.headerArrived() {
		return ""
	}
	received := string(e.Received)
	if otherVersion(received) {
		return "the peer speaks another version of multistream-select; this mss speaks " + wire.Header
	}
	for _, known := range []struct{ prefix, advice string }{
		{"HTTP/", "this is a web server: check the port"},
		{"SSH-", "this is an SSH server: check the port"},
		{"220 ", "this looks like a mail or FTP server: check the port"},
		{"\x15\x03", "this is a TLS server: write --to tls://"},
		{"+OK", "this looks like a POP3 or Redis server: check the port"},
		{"-ERR", "this looks like a Redis server: check the port"},
		{"/multistream/", "the peer sends the header without its length"},
	} {
		if strings.HasPrefix(received, known.prefix) {
			if known.prefix == "\x15\x03" {
				return known.advice + a.peer.address.where
			}
			return known.advice
		}
	}
	return ""
}
