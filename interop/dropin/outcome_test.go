package dropin

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	theirs "github.com/multiformats/go-multistream"
	"github.com/multiformats/go-varint"
	ours "github.com/multiselect/multiselect/gomultistream"

	"github.com/multiselect/multiselect"
)

// outcome is what can be seen of a negotiation from both ends of the stream.
type outcome struct {
	protocol string // what was agreed on
	class    string // of the error
	written  string
	unread   int
	data     string // what a lazy stream has read behind the answer
	err      error
}

func (o outcome) String() string {
	return fmt.Sprintf("%.60q, %s (%v), wrote %.100q, left %d, read %.40q", o.protocol, o.class, o.err, o.written, o.unread, o.data)
}

// library is one of the two.
type library struct {
	muxer     func(s scene) (negotiate func(rwc io.ReadWriteCloser) (string, error))
	selectOne func(names []string, rwc io.ReadWriteCloser) (string, error)
	lazy      func(rwc io.ReadWriteCloser, name string) io.ReadWriteCloser
}

var (
	our = library{
		muxer: func(s scene) func(rwc io.ReadWriteCloser) (string, error) {
			var m ours.MultistreamMuxer[string]
			s.add(func(name string) { m.AddHandler(name, nil) },
				func(name string, match func(string) bool) { m.AddHandlerWithFunc(name, match, nil) })
			return func(rwc io.ReadWriteCloser) (string, error) { p, _, err := m.Negotiate(rwc); return p, err }
		},
		selectOne: ours.SelectOneOf[string],
		lazy:      func(rwc io.ReadWriteCloser, name string) io.ReadWriteCloser { return ours.NewMSSelect(rwc, name) },
	}
	their = library{
		muxer: func(s scene) func(rwc io.ReadWriteCloser) (string, error) {
			var m theirs.MultistreamMuxer[string]
			s.add(func(name string) { m.AddHandler(name, nil) },
				func(name string, match func(string) bool) { m.AddHandlerWithFunc(name, match, nil) })
			return func(rwc io.ReadWriteCloser) (string, error) { p, _, err := m.Negotiate(rwc); return p, err }
		},
		selectOne: theirs.SelectOneOf[string],
		lazy:      func(rwc io.ReadWriteCloser, name string) io.ReadWriteCloser { return theirs.NewMSSelect(rwc, name) },
	}
)

// add adds the handlers; that with a function is the second.
func (s scene) add(add func(string), addFunc func(string, func(string) bool)) {
	for i, name := range s.names {
		if i == 1 && s.function != "" {
			addFunc("function", func(p string) bool { return strings.HasPrefix(p, s.function) })
		}
		add(name)
	}
}

// play puts a library into a scene.
func (l library) play(s scene) (o outcome) {
	script := make([]chunk, len(s.script))
	copy(script, s.script)
	t := newTape(script, s.over, s.writes)
	switch s.role {
	case "responder":
		o.protocol, o.err = l.muxer(s)(t)
	case "initiator":
		o.protocol, o.err = l.selectOne(s.names, t)
	default:
		o.protocol, o.data, o.err = l.ask(s, t)
	}
	o.class = class(o.err)
	o.unread = t.unread()
	t.mu.Lock()
	o.written = string(t.written)
	t.mu.Unlock()
	return o
}

// ask sends a request on a lazy stream and reads to the end.
func (l library) ask(s scene, t *tape) (protocol, data string, err error) {
	lazy := l.lazy(t, s.names[0])
	if _, err := io.WriteString(lazy, "request"); err != nil {
		lazy.Read(nil) // go-multistream reads in the background: let it end
		return "", "", err
	}
	if _, err := lazy.Read(nil); err != nil { // both wait for the answer there
		return "", "", err
	}
	got, _ := io.ReadAll(lazy)
	return s.names[0], string(got), nil
}

// class says what kind of error it is, for the errors of both.
func class(err error) string {
	notMinimal := errors.Is(err, varint.ErrNotMinimal) || errors.Is(err, varint.ErrOverflow)
	switch _, our := errors.AsType[ours.ErrUnrecognizedResponse[string]](err); {
	case err == nil:
		return "success"
	case errors.Is(err, ours.ErrNotSupported[string]{}), errors.Is(err, theirs.ErrNotSupported[string]{}):
		return "not supported"
	case our, is[theirs.ErrUnrecognizedResponse[string]](err), strings.Contains(err.Error(), "protocol mismatch in lazy"):
		return "unexpected answer"
	case errors.Is(err, ours.ErrIncorrectVersion), errors.Is(err, theirs.ErrIncorrectVersion),
		strings.Contains(err.Error(), "mismatch in protocol id"):
		return "not multistream"
	case errors.Is(err, ours.ErrTooLarge), errors.Is(err, theirs.ErrTooLarge):
		return "too large"
	case errors.Is(err, multiselect.ErrMalformed), notMinimal, strings.Contains(err.Error(), "trailing newline"):
		return "malformed"
	case errors.Is(err, errReset):
		return "reset"
	case errors.Is(err, errUnwanted):
		return "unwanted"
	case err == io.EOF:
		return "end"
	case err == io.ErrUnexpectedEOF:
		return "end inside"
	case errors.Is(err, multiselect.ErrLimit):
		return "limit"
	case errors.Is(err, multiselect.ErrInvalidName):
		return "invalid name"
	case errors.Is(err, multiselect.ErrGaveUp):
		return "malformed"
	case errors.Is(err, os.ErrDeadlineExceeded):
		return "timeout"
	}
	return fmt.Sprintf("? %v", err)
}

func is[T error](err error) bool {
	_, ok := errors.AsType[T](err)
	return ok
}
