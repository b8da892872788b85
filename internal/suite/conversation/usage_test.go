package conversation_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/multiselect/multiselect"
)

// usage is one way to use the library: on a stream, or on a Communicator.
type usage struct {
	name string
	// onStream and onCommunicator negotiate and return the protocol. One is nil.
	onStream       func(x *exchange) (string, error)
	onCommunicator func(x *exchange, c *multiselect.Communicator) (string, error)
	// fits reports whether the usage can play a conversation of its role and mode.
	fits func(v *conversation) bool
	// isStepwise: each proposal is a call. Its failure names only this proposal, and a
	// refusal leaves the stream open.
	isStepwise bool
	// waitsForHeader: nothing is proposed before the peer's header has arrived.
	waitsForHeader bool
	// isWrapper: the usage is a wrapper around the one before it, so there is no need to
	// cut the tester's bytes at every place again.
	isWrapper bool
}

// usages returns the usages that can play a conversation.
func (v *conversation) usages() []usage {
	all := responderUsages
	switch {
	case v.Role == multiselect.Responder:
	case v.Mode == "select":
		all = initiatorUsages
	case v.Mode == "ls":
		all = listUsages
	case v.Mode == "list-and-try":
		all = listAndTryUsages
	default:
		all = lazyUsages
	}
	return slices.DeleteFunc(slices.Clone(all), func(u usage) bool { return u.fits != nil && !u.fits(v) })
}

var responderUsages = []usage{
	{name: "Negotiate", onStream: func(x *exchange) (protocol string, err error) {
		protocol, x.handler, err = x.muxer.Negotiate(x.ctx, x.stream)
		return protocol, err
	}},
	{name: "ServeStream", isWrapper: true, onStream: func(x *exchange) (string, error) {
		err := x.muxer.ServeStream(x.ctx, x.stream)
		return x.served, err
	}},
	{name: "NegotiateOn", onCommunicator: negotiateOn},
	{name: "Handshake and NegotiateOn", onCommunicator: func(x *exchange, c *multiselect.Communicator) (string, error) {
		if err := x.muxer.Handshake(x.ctx, c); err != nil {
			return "", err
		}
		return negotiateOn(x, c)
	}},
}

func negotiateOn(x *exchange, c *multiselect.Communicator) (protocol string, err error) {
	protocol, x.handler, err = x.muxer.NegotiateOn(x.ctx, c)
	return protocol, err
}

var (
	useSelectOneOf = usage{name: "SelectOneOf", onStream: func(x *exchange) (string, error) {
		return x.client.SelectOneOf(x.ctx, x.stream, x.proposals...)
	}}
	useSelectOn  = usage{name: "SelectOn", onCommunicator: selectOn}
	useTrySelect = usage{
		name: "TrySelect", isStepwise: true,
		// Together the steps check and remember less than one call: each knows only its name.
		fits:           func(v *conversation) bool { return !v.isLocal() && !hasTwice(v.proposals) },
		onCommunicator: trySelect,
	}
	useHandshake = usage{
		name: "Handshake and SelectOn", waitsForHeader: true,
		fits: func(v *conversation) bool { return !v.isLocal() && v.sendsHeaderFirst() },
		onCommunicator: func(x *exchange, c *multiselect.Communicator) (string, error) {
			if err := x.client.Handshake(x.ctx, c); err != nil {
				return "", err
			}
			return selectOn(x, c)
		},
	}
	useLazyWait   = usage{name: "Lazy and Wait", fits: (*conversation).isLazy, onStream: lazyWait}
	useLazyDetach = usage{name: "Lazy and Detach", fits: (*conversation).isLazy, isWrapper: true, onStream: lazyDetach}

	initiatorUsages = []usage{useSelectOneOf, useSelectOn, useTrySelect, useHandshake, useLazyWait, useLazyDetach}
)

func selectOn(x *exchange, c *multiselect.Communicator) (string, error) {
	return x.client.SelectOn(x.ctx, c, x.proposals...)
}

func trySelect(x *exchange, c *multiselect.Communicator) (string, error) {
	err := multiselect.ErrNoProtocols
	for _, p := range x.proposals {
		if err = x.client.TrySelect(x.ctx, c, p); err == nil {
			return p, nil
		} else if !errors.Is(err, multiselect.ErrNotSupported) {
			break
		}
	}
	return "", err
}

func lazyWait(x *exchange) (string, error) {
	l, err := x.client.Lazy(x.ctx, x.stream, x.proposals[0])
	if err != nil {
		return "", err
	}
	if err := l.Wait(x.ctx); err != nil {
		return "", err
	}
	x.stream = l
	return l.Protocol(), nil
}

func lazyDetach(x *exchange) (string, error) {
	l, err := x.client.Lazy(x.ctx, x.stream, x.proposals[0])
	if err != nil {
		return "", err
	}
	if x.stream, err = l.Detach(x.ctx); err != nil {
		return "", err
	}
	return l.Protocol(), nil
}

// isLocal reports whether it fails before anything is sent.
func (v *conversation) isLocal() bool {
	return v.fails != nil && v.fails.blame == multiselect.BlameLocal && v.wanted() == ""
}

func hasTwice(names []string) bool {
	return len(slices.Compact(slices.Sorted(slices.Values(names)))) < len(names)
}

// sendsHeaderFirst reports whether the tester, a responder, awaits only the header of the
// initiator before it sends anything or ends the stream.
func (v *conversation) sendsHeaderFirst() bool {
	first := slices.IndexFunc(v.actions, func(a action) bool { return a.await == 0 })
	return first >= 0 && (first == 0 || v.actions[first-1].await <= len(v.elements[0]))
}

// isLazy reports whether a lazy stream, which makes one proposal, can have the
// conversation.
func (v *conversation) isLazy() bool {
	return !v.isLocal() && !v.has("cancel") && len(v.proposed()) == 1 && !isBlank(v.proposals[0])
}

// isBlank reports whether a name begins or ends with a character that a lazy stream does
// not accept there.
func isBlank(name string) bool { return strings.Trim(name, " \t\r\n\x00") != name }

// The list first, and then its last name; or the names of the case, if there is none.
var listUsages = []usage{
	{name: "List and SelectOn", onCommunicator: func(x *exchange, c *multiselect.Communicator) (string, error) {
		if err := list(x, c); err != nil {
			return "", err
		}
		return selectOn(x, c)
	}},
	{name: "List and TrySelect", isStepwise: true, onCommunicator: func(x *exchange, c *multiselect.Communicator) (string, error) {
		if err := list(x, c); err != nil {
			return "", err
		}
		return trySelect(x, c)
	}},
	{name: "Handshake, List and SelectOn", waitsForHeader: true, fits: (*conversation).sendsHeaderFirst, onCommunicator: func(x *exchange, c *multiselect.Communicator) (string, error) {
		if err := x.client.Handshake(x.ctx, c); err != nil {
			return "", err
		}
		if err := list(x, c); err != nil {
			return "", err
		}
		return selectOn(x, c)
	}},
}

func list(x *exchange, c *multiselect.Communicator) (err error) {
	x.list, err = x.client.List(x.ctx, c)
	switch n := len(x.list.Names); {
	case x.extra.names == nil && err == nil:
		x.errorf("there is a list: %q", x.list.Names)
	case x.extra.names == nil && errors.Is(err, multiselect.ErrNotSupported):
		err = nil
	case n > 0:
		x.proposals = x.list.Names[n-1:]
	}
	return err
}

// The list and the proposal in one flight.
var listAndTryUsages = []usage{
	{name: "ListAndTrySelect", isStepwise: true, onCommunicator: func(x *exchange, c *multiselect.Communicator) (protocol string, err error) {
		x.list, err = x.client.ListAndTrySelect(x.ctx, c, x.proposals[0])
		if err != nil {
			return "", err
		}
		return x.proposals[0], nil
	}},
}

// The first call on a lazy stream is a Write or a Read.
var lazyUsages = []usage{{name: "Lazy", onStream: func(x *exchange) (string, error) {
	l, err := x.client.Lazy(x.ctx, x.stream, x.proposals[0])
	if err != nil {
		return "", err
	}
	defer l.Close()
	x.served = l.Protocol()
	if x.Mode != "lazy-read" {
		if _, err := io.WriteString(l, "early"); err != nil {
			return "", err
		}
	}
	switch x.Mode {
	case "lazy-close":
		l.Close()
		if err := l.Wait(x.ctx); err != nil {
			return "", err
		}
		return l.Protocol(), nil
	case "lazy-half":
		if err := l.CloseWrite(); err != nil {
			return "", err
		}
		_, err := io.Copy(io.Discard, l)
		return l.Protocol(), err
	}
	var read strings.Builder
	_, err = io.Copy(l, io.TeeReader(struct{ io.Reader }{l}, &read))
	x.appRead = read.String()
	return l.Protocol(), err
}}}

var background = context.Background()
