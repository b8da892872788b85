package multiselect_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/internal/apitest"
	"github.com/multiselect/multiselect/wire"
)

// resettable is a message channel with a Reset, which only its own type declares.
type resettable struct {
	ended   string
	written int
}

func (r *resettable) ReadMessage(int) (string, error)  { return "", io.EOF }
func (r *resettable) Close() error                     { r.ended += "close"; return nil }
func (r *resettable) ResetWithError(code uint32) error { r.ended += "reset"; return nil }

func (r *resettable) WriteMessages(texts ...string) error {
	for _, text := range texts {
		r.written += len(text)
	}
	return nil
}

func TestChannelIsReset(t *testing.T) {
	var ch resettable
	c := multiselect.NewChannelCommunicator(&ch)
	if err := c.WriteMessages(strings.Repeat("x", 3<<20)); err != nil || ch.written != 3<<20 {
		t.Fatal(err, ch.written)
	}
	if _, err := new(multiselect.Client).SelectOn(context.Background(), c, apitest.NameA); !errors.Is(err, io.EOF) || ch.ended != "reset" {
		t.Errorf("%v, ended by %q", err, ch.ended)
	}
}

// limited is a message channel whose peer has sent everything beforehand. It
// records the limits with which it is read.
type limited struct {
	peer   []string
	limits []int
}

func (l *limited) ReadMessage(limit int) (text string, err error) {
	l.limits = append(l.limits, limit)
	if len(l.peer) == 0 {
		return "", io.EOF
	}
	text, l.peer = l.peer[0], l.peer[1:]
	return text, nil
}

func (*limited) WriteMessages(...string) error { return nil }
func (*limited) Close() error                  { return nil }

// A channel is read with the limit of a text, which is one byte less than that of a
// message; for a list with its own limit, and for the header with at least what the
// header needs.
func TestChannelLimits(t *testing.T) {
	ctx := context.Background()
	list := say(apitest.NameA)
	for _, tt := range []struct {
		name                   string
		limits                 multiselect.Limits
		header, message, names int
	}{
		{"default", multiselect.Limits{}, 1023, 1023, 65535},
		{"small", multiselect.Limits{MaxMessage: 40, MaxListBytes: 50}, 39, 39, 49},
		{"smaller than the header", multiselect.Limits{MaxMessage: 12}, 19, 11, 65535},
		{"none", multiselect.Limits{MaxMessage: multiselect.NoLimit, MaxListBytes: multiselect.NoLimit}, 16382, 16382, 2097150},
	} {
		cl := &multiselect.Client{Limits: tt.limits}
		m := apitest.Muxer(t, apitest.NameA)
		m.Limits = tt.limits
		for _, call := range []struct {
			name string
			peer []string
			do   func(c *multiselect.Communicator) error
			want []int
		}{
			{"SelectOn", []string{wire.Header, wire.NA, apitest.NameB}, func(c *multiselect.Communicator) error {
				return apitest.SelectOn(cl, ctx, c)
			}, []int{tt.header, tt.message, tt.message}},
			{"ListAndTrySelect", []string{wire.Header, list, apitest.NameA}, func(c *multiselect.Communicator) error {
				return apitest.ListAndTrySelect(cl, ctx, c)
			}, []int{tt.header, tt.names, tt.message}},
			{"NegotiateOn", []string{wire.Header, wire.LS, "/nope", apitest.NameA}, func(c *multiselect.Communicator) error {
				_, _, err := m.NegotiateOn(ctx, c)
				return err
			}, []int{tt.header, tt.message, tt.message, tt.message}},
		} {
			ch := &limited{peer: call.peer}
			if err := call.do(multiselect.NewChannelCommunicator(ch)); err != nil || !slices.Equal(ch.limits, call.want) {
				t.Errorf("%s, %s: %v, read with limits %v, want %v", tt.name, call.name, err, ch.limits, call.want)
			}
		}
	}
}

// dataChannel is a message channel with a libp2p peer at the other end.
type dataChannel struct {
	limited
	sent []string
}

func (d *dataChannel) WriteMessages(texts ...string) error {
	d.sent = append(d.sent, texts...)
	return nil
}

// TestDataChannel has initiators that send the bytes of a stream, as libp2p does on the data
// channels of WebRTC, however they are divided into messages of the channel.
func TestDataChannel(t *testing.T) {
	header, proposal, unknown := say(wire.Header), say(apitest.NameA), say("/unknown")
	for _, tt := range []struct {
		name string
		peer []string
		sent string
		want error
	}{
		{"one message", []string{header + proposal}, header + proposal, nil},
		{"two messages", []string{header, proposal}, header + proposal, nil},
		{"a proposal in pieces", []string{header + proposal[:3], proposal[3:5], proposal[5:]}, header + proposal, nil},
		{"a second proposal", []string{header + unknown, proposal}, header + say("na") + proposal, nil},
		{"early data", []string{header + proposal + "request"}, header + proposal, errors.ErrUnsupported},
		{"no more", []string{header}, header, io.ErrUnexpectedEOF},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ch := &dataChannel{limited: limited{peer: tt.peer}}
			c := multiselect.NewChannelCommunicator(ch)
			protocol, _, err := apitest.EchoMuxer(t, apitest.NameA).NegotiateOn(context.Background(), c)
			if !errors.Is(err, tt.want) || err == nil && protocol != apitest.NameA {
				t.Errorf("NegotiateOn = %q, %v", protocol, err)
			}
			if sent := strings.Join(ch.sent, ""); sent != tt.sent {
				t.Errorf("sent: %q, want %q", sent, tt.sent)
			}
		})
	}
}
