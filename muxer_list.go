package multiselect

import (
	"slices"

	"github.com/multiselect/multiselect/internal/rules"
	"github.com/multiselect/multiselect/wire"
)

// This file answers "ls". The answer is encoded once for each change of the registered names and
// matchers, and written from the same bytes to all peers, so that an "ls" costs a responder with
// many names little more than the write.

// nameList is an encoded answer to "ls", with the state of the Muxer that it was made from.
type nameList struct {
	bytes    []byte // the header and the list; nil if the list may not be sent (R21)
	version  uint64 // of the table
	matchers *matchers
}

// sendList answers "ls" with a list, or with "na" if that may not be sent (R19, R21).
func (m *Muxer) sendList(c *Communicator) error {
	list := m.encodedList().bytes
	c.state.AnswerList(list != nil)
	if list == nil {
		c.queueWithHeader(wire.NA)
		return nil
	}
	return c.queueList(list)
}

// encodedList returns the list of the names that are registered now.
func (m *Muxer) encodedList() *nameList {
	version, set := m.table.Version(), m.matchers.Load()
	if m.ListFilter != nil { // its results may change
		return m.encodeList(version, set)
	}
	if l := m.list.Load(); l.isOf(version, set) {
		return l
	}
	m.mu.Lock() // one goroutine encodes it, others wait
	defer m.mu.Unlock()
	version, set = m.table.Version(), m.matchers.Load()
	l := m.list.Load()
	if !l.isOf(version, set) {
		l = m.encodeList(version, set)
		m.list.Store(l)
	}
	return l
}

func (l *nameList) isOf(version uint64, set *matchers) bool {
	return l != nil && l.version == version && l.matchers == set
}

// encodeList makes a list of the names. A change since the version was read is in the next one.
func (m *Muxer) encodeList(version uint64, set *matchers) *nameList {
	l := &nameList{version: version, matchers: set}
	maxNames := m.Limits.maxListNames()
	var names []string
	for name := range m.names {
		if m.ListFilter != nil && !m.ListFilter(name) {
			continue
		}
		if names = append(names, name); !rules.ListFits(len(names), 0, maxNames, 0) {
			return l
		}
	}
	slices.Sort(names)
	if size := wire.ListSize(names); rules.ListFits(len(names), size, maxNames, m.Limits.maxListBytes()) {
		l.bytes = make([]byte, 0, len(wire.HeaderFrame)+wire.MessageSize(size-1))
		l.bytes = wire.AppendList(append(l.bytes, wire.HeaderFrame...), names)
	}
	return l
}

// queueList queues a list, which is the header and an encoded list. A list of more than maxCopied
// bytes is written by itself and not copied, unless a concurrent write must end before (R28).
func (c *Communicator) queueList(list []byte) error {
	if c.channel() != nil {
		c.queueHeader()
		text, _, _ := wire.ConsumeMessage(list[len(wire.HeaderFrame):], wire.MaxList)
		c.rare.texts = append(c.rare.texts, string(text))
		return nil
	}
	if len(list) <= maxCopied || c.isUnbuffered() {
		c.queueHeader()
		f := c.out.moveOut(c.spare())
		f.bytes = append(f.bytes, list[len(wire.HeaderFrame):]...)
		return nil
	}
	if c.out.size() > 0 {
		if err := c.flush(false); err != nil {
			return err
		}
	}
	if c.state.HeaderSent {
		list = list[len(wire.HeaderFrame):]
	}
	c.state.HeaderSent = true
	c.out.out = &flight{bytes: list, shared: true}
	return nil
}

// flushList writes a list that is queued without a copy, before another message is queued.
func (c *Communicator) flushList() error {
	if out := c.out.out; out == nil || !out.shared {
		return nil
	}
	return c.flush(false)
}
