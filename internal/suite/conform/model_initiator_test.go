package conform_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/multiselect/multiselect/conform"
	"github.com/multiselect/multiselect/wire"
)

// decision is what an initiator takes an answer for.
type decision uint8

const (
	agrees decision = iota
	refuses
	violates
	ignores // reads on
)

// initiatorModel is an initiator that is right, for being made wrong.
type initiatorModel struct {
	reading
	apart    bool   // each message is a write
	waits    bool   // for the header, before it proposes
	silent   bool   // sends nothing before it has the header
	greeting string // sent as the header
	again    string // sent before a further proposal
	patient  bool   // it waits for a whole message to compare it with the header
	optional bool   // the header may be missing
	version  func(text string) bool
	judge    func(answer, proposed string) decision
	list     func(text string) ([]string, decision)
	check    func(names []string) error
	order    func(names []string)
	most     int // proposals
	payload  func(r *bufio.Reader) io.Reader
	leave    func(stream *memory)
	hangUp   func(stream *memory)  // how it ends its own direction
	reports  func(err error) error // changes the reported error
	patience time.Duration
	deaf     bool // it does not notice that it is cancelled
	early    bool // it reports without waiting for the answer
	goesOn   bool // a lazy stream sends more after a refusal
}

func rightInitiator() *initiatorModel {
	return &initiatorModel{
		reading:  rightReading(),
		greeting: wire.HeaderFrame,
		version:  func(text string) bool { return text == wire.Header },
		judge: func(answer, proposed string) decision {
			switch answer {
			case proposed:
				return agrees
			case "na":
				return refuses
			}
			return violates
		},
		list: func(text string) ([]string, decision) {
			list, err := wire.ParseList([]byte(text), 1000)
			if text == wire.Header || text == "ls" || err != nil && text != "na" {
				return nil, violates
			}
			return list.Names, agrees
		},
		check: func(names []string) error {
			for _, name := range names {
				if err := wire.CheckName(name, 1024); err != nil {
					return err
				}
			}
			if len(names) == 0 {
				return errors.New("no names")
			}
			return nil
		},
		order:   func([]string) {},
		payload: func(r *bufio.Reader) io.Reader { return r },
		leave:   func(stream *memory) { stream.Close() },
		hangUp:  func(stream *memory) { stream.CloseWrite() },
		reports: func(err error) error { return err },
	}
}

// initiate does a task on a stream.
func (m *initiatorModel) initiate(ctx context.Context, s io.ReadWriteCloser, task conform.Task) error {
	stream := s.(*memory)
	names := slices.Clone(task.Protocols)
	if err := m.check(names); err != nil {
		m.leave(stream)
		return m.reports(err)
	}
	m.order(names)
	patience := task.Timeout
	if m.patience > 0 {
		patience = m.patience
	}
	timer := time.AfterFunc(patience, func() { m.leave(stream) })
	defer timer.Stop()
	if !m.deaf {
		defer context.AfterFunc(ctx, func() { m.leave(stream) })()
	}
	r := bufio.NewReader(stream)
	c := &talk{m: m, r: r, w: stream}
	var err error
	switch {
	case task.Mode == "ls":
		err = c.listed(names)
	case strings.HasPrefix(task.Mode, "lazy"):
		return m.reports(c.lazy(stream, task.Mode, names[0]))
	default:
		err = c.propose(names)
	}
	if err != nil {
		m.leave(stream)
		return m.reports(err)
	}
	timer.Stop()
	io.Copy(stream, m.payload(r))
	stream.Close()
	return m.reports(nil)
}

// talk is a conversation of an initiator.
type talk struct {
	m         *initiatorModel
	r         *bufio.Reader
	w         io.Writer
	begun     bool // the header is said
	gotHeader bool // of the peer
	kept      *string
}

// say sends a message, after the header if that has not been sent.
func (c *talk) say(text string, more ...string) error {
	out := ""
	if !c.begun {
		c.begun = true
		if c.m.silent {
			if err := c.header(); err != nil {
				return err
			}
		}
		out = c.m.greeting
		if c.m.apart || c.m.waits {
			io.WriteString(c.w, out)
			out = ""
		}
		if c.m.waits {
			if err := c.header(); err != nil {
				return err
			}
		}
	}
	_, err := io.WriteString(c.w, out+message(text)+strings.Join(more, ""))
	return err
}

func (c *talk) header() error {
	if c.gotHeader {
		return nil
	}
	c.gotHeader = true
	if !c.m.patient && !c.m.optional && !c.m.sloppy() {
		if err := header(c.r); err != nil {
			return err
		}
	}
	text, err := c.m.message(c.r)
	switch {
	case err != nil:
		return err
	case c.m.version(text):
		return nil
	case c.m.optional:
		c.kept = &text
		return nil
	}
	return fmt.Errorf("not the header: %q", text)
}

func (c *talk) answer() (string, error) {
	if err := c.header(); err != nil {
		return "", err
	}
	if c.kept != nil {
		text := *c.kept
		c.kept = nil
		return text, nil
	}
	return c.m.message(c.r)
}

func (c *talk) propose(names []string) error {
	for i, name := range names {
		if c.m.most > 0 && i == c.m.most {
			break
		}
		if i > 0 {
			io.WriteString(c.w, c.m.again)
		}
		if err := c.say(name); err != nil {
			return err
		}
		done, err := c.settled(name)
		if done || err != nil {
			return err
		}
	}
	return conform.ErrRefused
}

// settled reports whether the answer agrees.
func (c *talk) settled(name string) (bool, error) {
	for {
		answer, err := c.answer()
		if err != nil {
			return false, err
		}
		switch c.m.judge(answer, name) {
		case agrees:
			return true, nil
		case refuses:
			return false, nil
		case violates:
			return false, fmt.Errorf("an answer to %q: %q", name, answer)
		}
	}
}

func (c *talk) listed(names []string) error {
	if err := c.say("ls"); err != nil {
		return err
	}
	if err := c.header(); err != nil {
		return err
	}
	limited := c.m.reading
	if limited.limit == 1024 {
		limited.limit, limited.prefix = 64<<10, max(3, limited.prefix)
	}
	text, err := limited.message(c.r)
	if err != nil {
		return err
	}
	list, what := c.m.list(text)
	if what == violates {
		return fmt.Errorf("no list: %q", text)
	}
	if len(list) > 0 {
		names = list[len(list)-1:]
	}
	return c.propose(names)
}

func (c *talk) lazy(stream *memory, mode, name string) error {
	early := ""
	if mode != "lazy-read" {
		early = "early"
	}
	if err := c.say(name, early); err != nil {
		return err
	}
	switch mode {
	case "lazy-close", "lazy-half":
		c.m.hangUp(stream)
	}
	if c.m.early {
		go io.Copy(io.Discard, stream)
		return nil
	}
	done, err := c.settled(name)
	if err == nil && !done {
		err = conform.ErrRefused
	}
	if err != nil {
		if c.m.goesOn {
			io.WriteString(stream, "more")
		}
		c.m.leave(stream)
		return err
	}
	io.Copy(stream, c.m.payload(c.r))
	stream.Close()
	return nil
}
