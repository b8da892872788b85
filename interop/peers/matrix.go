package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/multiselect/multiselect/interop/peers/contract"
	"github.com/multiselect/multiselect/wire"
)

// scenario is a conversation that every initiator has with every responder.
type scenario struct {
	name, what string
	manner     manner
	job        contract.Job
	// want is what the initiator must report, and served what the responder
	// must; both without what is only said for people. A responder has no
	// outcome of its own when it only lists.
	want, served contract.Outcome
}

const (
	echo    = "/echo/1.0.0"
	hello   = "/hello/1.0.0"
	payload = "how-are-you"
)

var (
	echoed  = contract.Outcome{OK: true, Protocol: echo, Received: payload, Closed: contract.Self}
	halved  = contract.Outcome{OK: true, Protocol: echo, Received: payload, Closed: contract.Peer}
	echoing = contract.Outcome{OK: true, Protocol: echo, Echoed: len(payload), Closed: contract.Peer}
	refused = contract.Outcome{Error: contract.Refused}
	left    = contract.Outcome{Error: contract.Closed}
)

var scenarios = []scenario{
	{
		name: "success", what: "the first proposal is agreed to",
		job: contract.Job{Send: payload, Protocols: []string{echo}}, want: echoed, served: echoing,
	},
	{
		name: "second", what: "the first proposal is refused",
		job: contract.Job{Send: payload, Protocols: []string{"/echo/2.0.0", echo}}, want: echoed, served: echoing,
	},
	{
		name: "third", what: "two proposals are refused",
		job: contract.Job{Send: payload, Protocols: []string{"/echo/3.0.0", "/echo/2.0.0", echo}}, want: echoed, served: echoing,
	},
	{
		name: "refused", what: "all proposals are refused",
		job: contract.Job{Protocols: []string{"/echo/3.0.0", "/echo/2.0.0"}}, want: refused, served: left,
	},
	{
		name: "ls", what: "the initiator asks for the list",
		job: contract.Job{LS: true}, want: contract.Outcome{OK: true, Names: serves}, served: left,
	},
	{
		name: "glued", what: "the protocol's first bytes come with the agreement",
		manner: manner{back: len(wire.AppendMessage(nil, hello)) + len(contract.Greeting)},
		job:    contract.Job{End: contract.Half, Protocols: []string{hello}},
		want:   contract.Outcome{OK: true, Protocol: hello, Received: contract.Greeting, Closed: contract.Peer},
		served: contract.Outcome{OK: true, Protocol: hello, Closed: contract.Self},
	},
	{
		name: "byte-wise", what: "each byte arrives alone, in both directions",
		manner: manner{byteByByte: true},
		job:    contract.Job{Send: payload, Protocols: []string{"/echo/2.0.0", echo}}, want: echoed, served: echoing,
	},
	{
		name: "half-close", what: "the initiator half-closes after the request",
		job: contract.Job{Send: payload, End: contract.Half, Protocols: []string{echo}}, want: halved, served: echoing,
	},
	{
		name: "lazy", what: "the request is sent with the proposal, before the answer",
		manner: manner{there: opening(echo)},
		job:    contract.Job{Lazy: true, Send: payload, End: contract.Half, Protocols: []string{echo}}, want: halved, served: echoing,
	},
	{
		name: "lazy-refused", what: "the request is sent with the proposal, which is refused",
		manner: manner{there: opening("/echo/2.0.0")},
		job:    contract.Job{Lazy: true, Send: payload, Protocols: []string{"/echo/2.0.0"}}, want: refused, served: left,
	},
}

// opening is the length of a lazy initiator's first flight.
func opening(protocol string) int {
	return len(wire.AppendMessage([]byte(wire.HeaderFrame), protocol)) + len(payload)
}

// state is what became of a cell.
type state string

const (
	agreed     state = "ok"
	notOffered state = "unsupported"
	deviation  state = "deviation"
	failed     state = "failed"
)

// cell is one scenario between two peers.
type cell struct {
	Initiator, Responder, Scenario string
	State                          state
	Seen                           string // what differs from what was expected
	Why                            string // the reason of what is not ok
	Wire                           string // of what is not ok
}

// play fills the matrix.
func play(players []*player) (cells []cell, err error) {
	for _, i := range players {
		for _, r := range players {
			for _, s := range scenarios {
				cells = append(cells, cell{Initiator: i.name, Responder: r.name, Scenario: s.name})
			}
		}
	}
	var all sync.WaitGroup
	free := make(chan struct{}, 8) // so many at a time
	errs := make([]error, len(cells))
	next := 0
	for _, i := range players {
		for _, r := range players {
			for _, s := range scenarios {
				n := next
				next++
				free <- struct{}{}
				all.Go(func() {
					errs[n] = cells[n].play(i, r, s)
					<-free
				})
			}
		}
	}
	all.Wait()
	for n, err := range errs {
		if err != nil {
			return nil, fmt.Errorf("%s with %s, %s: %w", cells[n].Initiator, cells[n].Responder, cells[n].Scenario, err)
		}
	}
	return cells, nil
}

// play has the conversation. An error is one of the test itself.
func (c *cell) play(i, r *player, s scenario) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	relay, err := newRelay(r.address, s.manner)
	if err != nil {
		return err
	}
	defer relay.close()
	job := s.job
	job.Address = relay.address()
	got, err := i.initiator.do(ctx, job)
	if err != nil {
		return err
	}
	if got.Error == contract.Unsupported {
		c.unsupported(i, got)
		return nil
	}
	if err := <-relay.dialled; err != nil {
		return err
	}
	served, err := r.responder.wait(ctx, relay.remote)
	if err != nil {
		return err
	}
	<-relay.done
	c.judge(s, got, served)
	c.excuse(r, s, got)
	if c.State != agreed {
		c.Wire = relay.said()
	}
	return nil
}

// unsupported accepts only what the peer is known to lack.
func (c *cell) unsupported(i *player, got contract.Outcome) {
	why, known := i.lacks[c.Scenario]
	if c.State, c.Why = notOffered, i.name+" "+why; !known {
		c.State, c.Seen = failed, "unsupported, said its program: "+got.Detail
	}
}

// judge compares what both ends say with what they must say.
func (c *cell) judge(s scenario, got, served contract.Outcome) {
	want := s.want
	if !want.OK {
		got.Closed = "" // by whom is said when something was agreed
	}
	// mss says nothing about a stream once it has a protocol.
	if served.Echoed == 0 && served.Closed == "" && c.Responder == "mss" {
		served.Echoed, served.Closed = s.served.Echoed, s.served.Closed
	}
	// What a responder calls it when the initiator has left is its own affair.
	if !served.OK && slices.Contains([]string{contract.Refused, contract.Failed, contract.Protocol}, served.Error) {
		served.Error = contract.Closed
	}
	var seen []string
	if g, w := facts(got), facts(want); g != w {
		seen = append(seen, "the initiator: "+g)
	}
	if g, w := facts(served), facts(s.served); g != w {
		seen = append(seen, "the responder: "+g)
	}
	c.State, c.Seen = agreed, strings.Join(seen, "; ")
	if len(seen) > 0 {
		c.State = failed
	}
}

// facts are the fields that count, in words.
func facts(o contract.Outcome) string {
	var words []string
	if !o.OK {
		words = append(words, o.Error)
	}
	if o.Protocol != "" {
		words = append(words, "agreed on "+o.Protocol)
	}
	if len(o.Names) > 0 {
		names := slices.Sorted(slices.Values(o.Names))
		words = append(words, fmt.Sprintf("listed %q", names))
	}
	if o.Received != "" {
		words = append(words, fmt.Sprintf("received %q", o.Received))
	}
	if o.Echoed > 0 {
		words = append(words, fmt.Sprintf("echoed %d bytes", o.Echoed))
	}
	if o.Closed != "" {
		words = append(words, "ended by "+o.Closed)
	}
	return strings.Join(words, ", ")
}

// excuse is for a responder that does not list: its refusal is what is right.
func (c *cell) excuse(r *player, s scenario, got contract.Outcome) {
	if !s.job.LS || r.lists != "" {
		return
	}
	if got.Error == contract.Refused {
		c.State, c.Seen, c.Why = notOffered, "", r.name+" answers na to ls"
		return
	}
	c.State, c.Seen = failed, "a refusal was expected, the initiator: "+facts(got)
}
