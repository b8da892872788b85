package interop

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/wire"
)

var ctx = context.Background()

var ourInitiators = []initiator{
	{
		name: "SelectOneOf", refused: refusedByTheirs,
		choose: func(sc *scenario, conn net.Conn) (string, *stream, error) {
			var client multiselect.Client
			protocol, err := client.SelectOneOf(ctx, conn, sc.proposes...)
			return protocol, &stream{conn, conn}, err
		},
	},
	{name: "SelectOn", refused: refusedByTheirs, choose: over(selectOneOfOver)},
	{name: "TrySelect", refused: refusedByTheirs, steps: true, choose: over(trySelect)},
	{
		name: "Handshake, TrySelect", refused: refusedByTheirs, steps: true,
		choose: over(func(sc *scenario, c *multiselect.Communicator) (string, error) {
			var client multiselect.Client
			if err := client.Handshake(ctx, c); err != nil {
				return "", err
			}
			return trySelect(sc, c)
		}),
	},
	{
		name: "List, SelectOn", refused: refusedByTheirs,
		choose: over(func(sc *scenario, c *multiselect.Communicator) (string, error) {
			var client multiselect.Client
			if list, err := client.List(ctx, c); !errors.Is(err, multiselect.ErrNotSupported) {
				return "", fmt.Errorf("List: %q, %v; theirs answers na", list.Names, err)
			}
			return selectOneOfOver(sc, c)
		}),
	},
	{name: "ListAndTrySelect", refused: refusedByTheirs, steps: true, choose: over(listAndTrySelect)},
	{
		name: "by hand, early data", single: true, writesFirst: true,
		choose: func(sc *scenario, conn net.Conn) (string, *stream, error) {
			early := &earlyData{Conn: conn, protocol: sc.proposes[0]}
			return early.protocol, &stream{early, conn}, nil
		},
	},
}

func over(choose func(*scenario, *multiselect.Communicator) (string, error)) func(*scenario, net.Conn) (string, *stream, error) {
	return func(sc *scenario, conn net.Conn) (string, *stream, error) {
		protocol, err := choose(sc, multiselect.NewCommunicator(conn))
		return protocol, &stream{conn, conn}, err
	}
}

func selectOneOfOver(sc *scenario, c *multiselect.Communicator) (string, error) {
	var client multiselect.Client
	return client.SelectOn(ctx, c, sc.proposes...)
}

func trySelect(sc *scenario, c *multiselect.Communicator) (string, error) {
	return tryEach(sc.proposes, c)
}

func tryEach(proposes []string, c *multiselect.Communicator) (protocol string, err error) {
	var client multiselect.Client
	for _, protocol = range proposes {
		if err = client.TrySelect(ctx, c, protocol); !errors.Is(err, multiselect.ErrNotSupported) {
			return protocol, err
		}
	}
	return "", err
}

func listAndTrySelect(sc *scenario, c *multiselect.Communicator) (string, error) {
	var client multiselect.Client
	first, rest := sc.proposes[0], sc.proposes[1:]
	list, err := client.ListAndTrySelect(ctx, c, first)
	switch {
	case len(list.Names) > 0:
		return "", fmt.Errorf("listed %q; theirs answers na", list.Names)
	case errors.Is(err, multiselect.ErrNotSupported) && len(rest) > 0:
		return tryEach(rest, c)
	}
	return first, err
}

// refusedByTheirs reads the error of our initiator.
func refusedByTheirs(err error) ([]string, bool) {
	e, ok := errors.AsType[*multiselect.Error](err)
	if !ok || !errors.Is(err, multiselect.ErrNotSupported) ||
		e.Role != multiselect.Initiator || e.Blame() != multiselect.BlameNone {
		return nil, false
	}
	return e.Protocols, true
}

// earlyData says header, proposal and first words in one write, which our
// Client does not do: it is the codec and Communicator.ReadMessage, by hand.
type earlyData struct {
	net.Conn
	protocol string
	said     bool
	heard    bool
}

func (e *earlyData) Write(p []byte) (int, error) {
	if e.said {
		return e.Conn.Write(p)
	}
	e.said = true
	proposal := wire.AppendMessage([]byte(wire.HeaderFrame), e.protocol)
	n, err := e.Conn.Write(append(proposal, p...))
	return max(0, n-len(proposal)), err
}

func (e *earlyData) Read(p []byte) (int, error) {
	if !e.heard {
		e.heard = true
		if !e.said {
			if _, err := e.Write(nil); err != nil {
				return 0, err
			}
		}
		c := multiselect.NewCommunicator(e.Conn)
		for _, want := range []string{wire.Header, e.protocol} {
			if text, err := c.ReadMessage(); err != nil || text != want {
				return 0, fmt.Errorf("heard %q, %v, want %q", text, err, want)
			}
		}
	}
	return e.Conn.Read(p)
}

// Close hears the answer first: to close with unread bytes would reset the
// connection, and take what was said with it.
func (e *earlyData) Close() error {
	if _, err := e.Read(nil); err != nil {
		return err
	}
	return e.Conn.Close()
}

var ourResponders = []responder{
	{
		name: "Negotiate", gaveUp: multiselect.ErrGaveUp,
		serve: func(s *service, v *visit) error {
			protocol, handler, err := s.ours.Negotiate(ctx, v)
			if err == nil {
				handler(ctx, protocol, v)
			}
			return err
		},
	},
	{
		name: "Handle", gaveUp: multiselect.ErrGaveUp,
		serve: func(s *service, v *visit) error { return s.ours.ServeStream(ctx, v) },
	},
	{
		name: "NegotiateOn", gaveUp: multiselect.ErrGaveUp,
		serve: func(s *service, v *visit) error { return negotiateOver(s, v, multiselect.NewCommunicator(v)) },
	},
	{
		name: "Handshake, NegotiateOn", gaveUp: multiselect.ErrGaveUp,
		serve: func(s *service, v *visit) error {
			c := multiselect.NewCommunicator(v)
			if err := s.ours.Handshake(ctx, c); err != nil {
				return err
			}
			return negotiateOver(s, v, c)
		},
	},
}

func negotiateOver(s *service, v *visit, c *multiselect.Communicator) error {
	protocol, handler, err := s.ours.NegotiateOn(ctx, c)
	if err == nil {
		handler(ctx, protocol, v)
	}
	return err
}
