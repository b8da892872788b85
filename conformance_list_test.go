package multiselect_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/wire"
)

// Here one side asks "ls".

func TestResponderLists(t *testing.T) {
	conform(t, multiselect.Responder, responderUsages, listedCases)
}
func TestInitiatorLists(t *testing.T) { conform(t, multiselect.Initiator, listUsages, listCases) }

func TestInitiatorListsInTheSameFlight(t *testing.T) {
	conform(t, multiselect.Initiator, pipelinedListUsages, pipelinedListCases)
}

func noList(m *multiselect.Muxer) { m.NoList = true }

func noNames(m *multiselect.Muxer) {
	for _, name := range m.Protocols() {
		m.RemoveHandler(name)
	}
}

var listedCases = []conversation{
	{id: "R25", why: "listing is off", muxer: noList, talk: `
		> /multistream/1.0.0
		> ls
		< /multistream/1.0.0
		< na
		> /foo/1.0.0
		< /foo/1.0.0
	`, agreed: protocolA},
	{id: "R26", why: "the list, and the end", talk: `
		> /multistream/1.0.0
		> ls
		< /multistream/1.0.0
		<
		    ` + twoByteName + `
		    /bar/2.0.0
		    /foo/1.0.0
		    /foo/bar1
		    svc/raw
	`, then: leaves, fails: &failure{cause: io.ErrUnexpectedEOF, phase: multiselect.PhaseProposal}},
	{id: "R26", why: "a list that is filtered", muxer: func(m *multiselect.Muxer) {
		m.ListFilter = func(protocol string) bool { return strings.HasPrefix(protocol, "/foo/") }
	}, talk: `
		> /multistream/1.0.0
		> ls
		< /multistream/1.0.0
		<
		    /foo/1.0.0
		    /foo/bar1
		> /bar/2.0.0
		< /bar/2.0.0
	`, agreed: protocolB},
	{id: "R27", why: "a list of no protocol", muxer: noNames, talk: `
		> /multistream/1.0.0
		> ls
		< /multistream/1.0.0
		<! "\x01\n"
		> /foo/1.0.0
		< na
	`, then: leaves, fails: &failure{cause: multiselect.ErrGaveUp, phase: multiselect.PhaseProposal}},
	{id: "R28", why: "a proposal behind ls", talk: `
		> /multistream/1.0.0
		> ls
		> /foo/1.0.0
		>! "hello"
		< /multistream/1.0.0
		<
		    ` + twoByteName + `
		    /bar/2.0.0
		    /foo/1.0.0
		    /foo/bar1
		    svc/raw
		< /foo/1.0.0
	`, agreed: protocolA},
	{id: "R28", why: "the ninth ls is an unknown name", muxer: noNames, talk: `
		> /multistream/1.0.0
		` + strings.Repeat("> ls\n", 9) + `
		< /multistream/1.0.0
		` + strings.Repeat(`<! "\x01\n"`+"\n", 8) + `
		< na
	`, then: leaves, fails: &failure{cause: multiselect.ErrGaveUp, phase: multiselect.PhaseProposal}},
}

// The list first, and then a proposal.
var listUsages = []usage{
	{name: "List and SelectOn", over: func(x *exchange, c *multiselect.Communicator) (protocol string, err error) {
		x.list, err = x.client.List(x.ctx, c)
		switch {
		case x.names == nil && err == nil:
			x.errorf("there is a list: %q", x.list.Names)
		case x.names == nil && errors.Is(err, multiselect.ErrNotSupported):
		case err != nil:
			return "", err
		}
		return x.client.SelectOn(x.ctx, c, x.proposals()...)
	}},
}

var listCases = []conversation{
	{id: "I47", why: "the nested answer, a length of which is a newline", talk: `
		> /multistream/1.0.0
		> ls
		< /multistream/1.0.0
		<! "$\x0b/foo/1.0.0\n\x0a/foo/bar1\n\x0b/bar/2.0.0\n\n"
		> /foo/1.0.0
		< /foo/1.0.0
		<! "hello"
	`, agreed: protocolA, names: []string{"/foo/1.0.0", "/foo/bar1", "/bar/2.0.0"}},
	{id: "I47", why: "the joined answer of py", talk: `
		> /multistream/1.0.0
		> ls
		< /multistream/1.0.0
		<! "\x17/foo/1.0.0\n/bar/2.0.0\n\n"
		> /foo/1.0.0
		< /foo/1.0.0
	`, agreed: protocolA, names: []string{"/foo/1.0.0", "/bar/2.0.0"}, dialect: wire.DialectJoined},
	{id: "I47", why: "the joined answer of nim", talk: `
		> /multistream/1.0.0
		> ls
		< /multistream/1.0.0
		<! "\x16/foo/1.0.0\n/bar/2.0.0\n"
		> /foo/1.0.0
		< /foo/1.0.0
	`, agreed: protocolA, names: []string{"/foo/1.0.0", "/bar/2.0.0"}, dialect: wire.DialectJoined},
	{id: "I48", why: "the peer does not tell; the stream goes on", talk: `
		> /multistream/1.0.0
		> ls
		< /multistream/1.0.0
		< na
		> /foo/1.0.0
		< /foo/1.0.0
		<! "hello"
	`, agreed: protocolA},
	{id: "I49", why: "a list of no protocol", talk: `
		> /multistream/1.0.0
		> ls
		< /multistream/1.0.0
		<! "\x01\n"
		> /foo/1.0.0
		< /foo/1.0.0
	`, agreed: protocolA, names: []string{}},
	{id: "I52", why: "a list that is larger than a message may be", talk: `
		> /multistream/1.0.0
		> ls
		< /multistream/1.0.0
		<
		` + indented(serviceNames(200)) + `
		> /foo/1.0.0
		< /foo/1.0.0
	`, agreed: protocolA, names: serviceNames(200)},
	{id: "I52", why: "a list of more names than the stated limit", talk: `
		> /multistream/1.0.0
		> ls
		< /multistream/1.0.0
		<
		` + indented(serviceNames(3)) + `
	`, limits: multiselect.Limits{MaxListNames: 2}, fails: &failure{
		cause: multiselect.ErrTooLarge, phase: multiselect.PhaseList, blame: multiselect.BlamePeer,
		received: string(wire.AppendList(nil, serviceNames(3))),
	}},
	{id: "I52", why: "a list of more bytes than the stated limit", talk: `
		> /multistream/1.0.0
		> ls
		< /multistream/1.0.0
		<
		` + indented(serviceNames(3)) + `
	`, limits: multiselect.Limits{MaxListBytes: 32}, fails: &failure{
		cause: multiselect.ErrTooLarge, phase: multiselect.PhaseList, blame: multiselect.BlamePeer,
		received: "\x3d",
	}},
	{id: "I22", why: "the header said again is no list", talk: `
		> /multistream/1.0.0
		> ls
		< /multistream/1.0.0
		< /multistream/1.0.0
	`, fails: &failure{
		cause: multiselect.ErrUnexpectedAnswer, phase: multiselect.PhaseList, blame: multiselect.BlamePeer,
		received: wire.HeaderFrame,
	}},
}

// The list and the proposal in one flight.
var pipelinedListUsages = []usage{
	{name: "ListAndTrySelect", steps: true, over: func(x *exchange, c *multiselect.Communicator) (protocol string, err error) {
		x.list, err = x.client.ListAndTrySelect(x.ctx, c, protocolA)
		if err != nil {
			return "", err
		}
		return protocolA, nil
	}},
}

var pipelinedListCases = []conversation{
	{id: "I47", why: "a list and an agreement", talk: `
		> /multistream/1.0.0
		> ls
		> /foo/1.0.0
		< /multistream/1.0.0
		<
		    /foo/1.0.0
		    /foo/bar1
		< /foo/1.0.0
		<! "hello"
	`, agreed: protocolA, names: []string{protocolA, newlineName}},
	{id: "I48", why: "no list and an agreement", talk: `
		> /multistream/1.0.0
		> ls
		> /foo/1.0.0
		< /multistream/1.0.0
		< na
		< /foo/1.0.0
		<! "hello"
	`, agreed: protocolA},
	{id: "I48", why: "a list and a refusal", talk: `
		> /multistream/1.0.0
		> ls
		> /foo/1.0.0
		< /multistream/1.0.0
		<
		    /bar/2.0.0
		< na
	`, names: []string{protocolB}, fails: &failure{
		cause: multiselect.ErrNotSupported, phase: multiselect.PhaseProposal, protocols: []string{protocolA},
	}},
}

func serviceNames(count int) (names []string) {
	for i := range count {
		names = append(names, fmt.Sprintf("/service/%03d/1.0.0", i))
	}
	return names
}

func indented(names []string) string { return "    " + strings.Join(names, "\n    ") }
