package attempt

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

	"github.com/multiselect/multiselect/cmd/mss/internal/address"
	"github.com/multiselect/multiselect/cmd/mss/internal/exit"
	"github.com/multiselect/multiselect/cmd/mss/internal/terminal"
	"github.com/multiselect/multiselect/cmd/mss/internal/transport"
)

// next returns advice on a failure.
func (a *Attempt) next(n *near) string {
	switch exit.Code(a.Err) {
	case exit.Connect:
		return a.nextConnect()
	case exit.Timeout:
		if !a.connected {
			return "check the address, or allow more time with --timeout"
		}
		if a.headerArrived() {
			return "allow more time with --timeout, or look into the peer's log: it has not answered"
		}
		return "allow more time with --timeout, or check that nothing (TLS, noise) has to come before multistream-select"
	case exit.Violation:
		if guess := a.lookalike(); guess != "" {
			return guess
		}
		return "tell the peer's authors; run it again with -v for the whole transcript"
	case exit.Closed:
		if e, ok := errors.AsType[*transport.EndError](a.Err); ok && e.IsLimit() {
			return "it is full, or refuses more from this side: try again later"
		}
		if len(a.refused) > 0 {
			return "it may allow a single proposal: " + a.command("dial", a.proposed())
		}
		if a.headerArrived() {
			return "its log may say why"
		}
		return "if it answers sometimes, it is full; if never, it may want TLS or noise first; its log may tell which"
	case exit.Refused:
		return a.nextRefused(n)
	}
	return ""
}

func (a *Attempt) nextConnect() string {
	print, untrusted := transport.BadCertificate(a.Err)
	var noTLS tls.RecordHeaderError
	var another sec.ErrPeerIDMismatch
	switch {
	case errors.As(a.Err, &another):
		return "it is another peer, with another key: ask its owner for the address, or omit /p2p/ID to accept any peer"
	case untrusted:
		return "if that is the peer you mean: --pin " + print + "; else --ca FILE or --insecure"
	case errors.As(a.Err, &noTLS):
		return "it does not speak TLS: write --to " + a.Peer.Address.Where
	case a.Peer.Address.Form == address.TLS && (errors.Is(a.Err, io.EOF) || errors.Is(a.Err, syscall.ECONNRESET)):
		return "it ends the connection before TLS is set up: it may not speak it: try --to " + a.Peer.Address.Where
	case errors.Is(a.Err, syscall.ECONNREFUSED), errors.Is(a.Err, syscall.ENOENT):
		return "nothing listens there: check the address, or start a responder with " +
			strings.TrimSpace("mss serve --listen "+terminal.QuoteForShell(a.Peer.Address.String()))
	case a.Peer.Address.Form == address.Unix:
		return "check the path and its permissions"
	}
	return "check the address and the route to it"
}

func (a *Attempt) nextRefused(n *near) string {
	names, known := a.offers()
	switch {
	case len(a.Protocols) == 0:
		return "ask for names that it may speak: " + a.command("probe", "/NAME/1.0.0")
	case n != nil && terminal.QuoteForShell(n.offered) != "":
		return a.command("dial", n.offered)
	case a.rung == transport.StepSecurity && known && len(names) > 0:
		return "it offers no security protocol: it may be reached without one, with --to " + a.Peer.Address.Where
	case a.rung == transport.StepSecurity:
		return "mss speaks " + terminal.QuoteNames(transport.Securities) + " and no other security: ask the peer's owner for one of them"
	case a.rung != "":
		return "mss speaks " + transport.YamuxID + " and no other muxer: ask the peer's owner for it"
	case known && a.Peer.Address.Form == address.TCP && slices.Contains(names, transport.Securities[0]) && !slices.Contains(a.Protocols, transport.Securities[0]):
		to := terminal.QuoteForShell(address.Libp2pForm(a.Peer.Address.Where))
		return "its streams are inside a security protocol: mss dial --to " + to + " " + terminal.QuoteForShell(a.Protocols[0])
	case known && len(names) > 0:
		return "propose one of what it offers"
	case a.mode == LazyMode: // the stream has ended, so ls was not sent
		return "see what it offers: " + strings.TrimSpace(a.command("ls", ""))
	case known:
		return "register a protocol there: it offers nothing"
	}
	return "try other names or versions: " + a.command("probe", "/NAME/VERSION ...")
}

// command returns a command line for the same peer. The argument is not quoted:
// the caller must terminal.QuoteForShell it if it comes from the peer.
func (a *Attempt) command(verb, argument string) string {
	to := ""
	if a.Peer.given != "" {
		to = " --to " + terminal.QuoteForShell(a.Peer.given)
	}
	if quoted := terminal.QuoteForShell(argument); verb == "dial" && quoted != "" {
		argument = quoted
	}
	return fmt.Sprintf("mss %s%s %s", verb, to, argument)
}

// lookalike recognises peers of other protocols by the bytes that they sent in
// place of the header.
func (a *Attempt) lookalike() string {
	e, ok := errors.AsType[*multiselect.Error](a.Err)
	if !ok || a.headerArrived() {
		return ""
	}
	received := string(e.Received)
	if IsOtherVersion(received) {
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
				return known.advice + a.Peer.Address.Where
			}
			return known.advice
		}
	}
	return ""
}
