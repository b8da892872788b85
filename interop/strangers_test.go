package interop

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	multistream "github.com/multiformats/go-multistream"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/wire"
)

// Strangers are peers that speak something else, or multistream-select wrongly.
// Both libraries meet the same ones; what differs is what they say before they
// notice, and what they call it.

const header = wire.HeaderFrame

// stranger is a peer of a responder, or of an initiator.
type stranger struct {
	name         string
	talk         func(conn net.Conn) error
	ours, theirs outcome
}

// outcome is what came of meeting a stranger.
type outcome struct {
	heard string // what the stranger was told, all in all
	err   any    // an error to be found with errors.Is, or a part of the text of one that has no name
}

// says is a stranger that has its say and listens until the end.
func says(text string) func(conn net.Conn) error {
	return func(conn net.Conn) error {
		if _, err := io.WriteString(conn, text); err != nil {
			return err
		}
		closeWrite(conn)
		io.Copy(io.Discard, conn) // may end with a reset: the words were for nobody
		return nil
	}
}

const noNewline = "message did not have trailing newline"

var strangeInitiators = []stranger{
	{
		"a web client", webClient,
		outcome{"", multiselect.ErrNotMultistream},
		outcome{header, noNewline},
	},
	{
		"a TLS client", tlsClient,
		outcome{"", multiselect.ErrNotMultistream},
		outcome{header, noNewline},
	},
	{
		"another version", says("\x13/multistream/1.1.0\n\x03/a\n"),
		outcome{"", multiselect.ErrNotMultistream},
		outcome{header, multistream.ErrIncorrectVersion},
	},
	{
		"no header", says("\x03/a\n"),
		outcome{"", multiselect.ErrNotMultistream},
		outcome{header, multistream.ErrIncorrectVersion},
	},
	{
		"a header with a padded length", says("\x93\x00/multistream/1.0.0\n"),
		outcome{"", multiselect.ErrNotMultistream},
		outcome{header, "varint not minimally encoded"},
	},
	{
		"nothing", says(""),
		outcome{"", io.EOF},
		outcome{header, io.EOF},
	},
	{
		"half a header", says(header[:10]),
		outcome{"", io.ErrUnexpectedEOF},
		outcome{header, io.ErrUnexpectedEOF},
	},
	{
		"the header and nothing", says(header),
		outcome{header, io.ErrUnexpectedEOF},
		outcome{header, io.EOF},
	},
	{
		"a proposal of length zero", inTwo(header, "\x00"),
		outcome{header, multiselect.ErrMalformed},
		outcome{header, noNewline},
	},
	{
		"a proposal without its newline", inTwo(header, "\x03/a/"),
		outcome{header, multiselect.ErrMalformed},
		outcome{header, noNewline},
	},
	{
		"a proposal with a padded length", inTwo(header, "\x83\x00/a\n"),
		outcome{header, multiselect.ErrMalformed},
		outcome{header, "varint not minimally encoded"},
	},
	{
		"a proposal of 1025 bytes", inTwo(header, "\x81\x08"+long(1024)+"\n"),
		outcome{header, multiselect.ErrTooLarge},
		outcome{header, multistream.ErrTooLarge},
	},
	{
		"garbage after a refusal", says(header + "\x03/x\n\x00"),
		outcome{header + "\x03na\n", multiselect.ErrGaveUp},
		outcome{header + "\x03na\n", noNewline},
	},
	{
		"the header twice", says(header + header + "\x03/a\n"),
		outcome{header + "\x03na\n\x03/a\n", nil},
		outcome{header + "\x03na\n\x03/a\n", nil},
	},
}

// inTwo speaks, waits for the header, and goes on: so that what both responders
// have said by then does not depend on how the bytes arrive.
func inTwo(first, second string) func(conn net.Conn) error {
	return func(conn net.Conn) error {
		io.WriteString(conn, first)
		if _, err := io.ReadFull(conn, make([]byte, len(header))); err != nil {
			return err
		}
		return says(second)(conn)
	}
}

func webClient(conn net.Conn) error {
	request, err := http.NewRequest("GET", "http://"+conn.RemoteAddr().String()+"/", strings.NewReader("content"))
	if err == nil {
		err = request.Write(conn)
	}
	if err != nil {
		return err
	}
	if _, err = http.ReadResponse(bufio.NewReader(conn), request); err == nil {
		return errors.New("the web client was answered")
	}
	return nil
}

func tlsClient(conn net.Conn) error {
	if tls.Client(conn, &tls.Config{ServerName: "peer"}).Handshake() == nil {
		return errors.New("the TLS client was answered")
	}
	return nil
}

var strangeResponders = []stranger{
	{
		"a web server", says("HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n"),
		outcome{header + "\x03/a\n", multiselect.ErrNotMultistream},
		outcome{header + "\x03/a\n", noNewline},
	},
	{
		"another version", says("\x13/multistream/2.0.0\n\x03/a\n"),
		outcome{header + "\x03/a\n", multiselect.ErrNotMultistream},
		outcome{header + "\x03/a\n", "received mismatch in protocol id"},
	},
	{
		"no header", says("\x03/a\n"),
		outcome{header + "\x03/a\n", multiselect.ErrNotMultistream},
		outcome{header + "\x03/a\n", "received mismatch in protocol id"},
	},
	{
		"nothing", says(""),
		outcome{header + "\x03/a\n", io.EOF},
		outcome{header + "\x03/a\n", io.EOF},
	},
	{
		"the header and nothing", says(header),
		outcome{header + "\x03/a\n", io.ErrUnexpectedEOF},
		outcome{header + "\x03/a\n", io.EOF},
	},
	{
		"another echo", says(header + "\x03/b\n"),
		outcome{header + "\x03/a\n", multiselect.ErrUnexpectedAnswer},
		outcome{header + "\x03/a\n", multistream.ErrUnrecognizedResponse[string]{Actual: "/b", Expected: "/a"}},
	},
	{
		"the header twice", says(header + header + "\x03/a\n"),
		outcome{header + "\x03/a\n", multiselect.ErrUnexpectedAnswer},
		outcome{header + "\x03/a\n", multistream.ErrUnrecognizedResponse[string]{Actual: wire.Header, Expected: "/a"}},
	},
	{
		"an echo without its newline", says(header + "\x03/a/"),
		outcome{header + "\x03/a\n", multiselect.ErrMalformed},
		outcome{header + "\x03/a\n", noNewline},
	},
}

func TestStrangers(t *testing.T) {
	speaks := names("/a")
	t.Run("as initiators", func(t *testing.T) {
		meetAll(t, strangeInitiators,
			func(conn net.Conn) error { return meetResponder(&ourResponders[1], speaks, conn) },
			func(conn net.Conn) error { return meetResponder(&theirResponders[1], speaks, conn) })
	})
	t.Run("as responders", func(t *testing.T) {
		sc := &scenario{proposes: speaks}
		meetAll(t, strangeResponders,
			func(conn net.Conn) error { _, _, err := ourInitiators[0].choose(sc, conn); return err },
			func(conn net.Conn) error { _, _, err := theirInitiators[0].choose(sc, conn); return err })
	})
}

func meetResponder(r *responder, speaks []string, conn net.Conn) error {
	return r.serve(newService(speaks), &visit{Conn: conn, answer: silence.answer})
}

// meetAll has both libraries meet every stranger, and shows what differs.
func meetAll(t *testing.T, strangers []stranger, ours, theirs func(conn net.Conn) error) {
	var table strings.Builder
	for _, s := range strangers {
		for _, by := range []struct {
			name string
			meet func(conn net.Conn) error
			want outcome
		}{{"ours", ours, s.ours}, {"theirs", theirs, s.theirs}} {
			t.Run(s.name+"/"+by.name, func(t *testing.T) {
				heard, err := s.meet(t, by.meet)
				fmt.Fprintf(&table, "%-32s%-8ssaid %-48q%v\n", s.name, by.name, heard, err)
				if heard != by.want.heard || !by.want.is(err) {
					t.Errorf("said %q and then %v, want %q and %v", heard, err, by.want.heard, by.want.err)
				}
			})
		}
	}
	t.Logf("\n%s", &table)
}

// meet puts a stranger at the other end of a connection.
func (s *stranger) meet(t *testing.T, meet func(conn net.Conn) error) (heard string, err error) {
	near, far := openTCP(t)
	defer near.Close()
	met := make(chan error, 1)
	go func() {
		defer far.Close() // theirs leaves that to the caller
		met <- meet(far)
	}()
	notes := &notes{Conn: near}
	if err := s.talk(notes); err != nil {
		t.Errorf("the stranger: %v", err)
	}
	near.Close()
	return notes.heard.String(), <-met
}

// notes is a connection that remembers what was read from it.
type notes struct {
	net.Conn
	heard strings.Builder
}

func (n *notes) Read(p []byte) (int, error) {
	k, err := n.Conn.Read(p)
	n.heard.Write(p[:k])
	return k, err
}

func (n *notes) CloseWrite() error { return closeWrite(n.Conn) }

func (o outcome) is(err error) bool {
	switch want := o.err.(type) {
	case nil:
		return err == nil
	case error:
		return errors.Is(err, want)
	case string:
		return err != nil && strings.Contains(err.Error(), want)
	}
	return false
}
