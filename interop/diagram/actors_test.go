package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"time"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/wire"
)

// The library as the initiator.

var (
	client    multiselect.Client
	unguarded = multiselect.Client{Unguarded: true}
)

func selectOnly(protocols ...string) func(*end) error {
	return func(s *end) error {
		_, err := client.SelectOneOf(context.Background(), s, protocols...)
		return err
	}
}

func request(protocols ...string) func(*end) error {
	return func(s *end) error {
		if err := selectOnly(protocols...)(s); err != nil {
			return err
		}
		return ask(s, "hello")
	}
}

func ask(s io.ReadWriter, request string) error {
	if _, err := io.WriteString(s, request); err != nil {
		return err
	}
	_, err := io.ReadFull(s, make([]byte, len(request)))
	return err
}

func stepwise(s *end) error {
	c := multiselect.NewCommunicator(s)
	if err := client.Handshake(context.Background(), c); err != nil {
		return err
	}
	if err := client.TrySelect(context.Background(), c, "/echo/1.0.0"); err != nil {
		return err
	}
	return ask(s, "hello")
}

func listThenTime(s *end) error {
	c := multiselect.NewCommunicator(s)
	list, err := client.List(context.Background(), c)
	if err != nil {
		return err
	}
	if err := client.TrySelect(context.Background(), c, list.Names[1]); err != nil {
		return err
	}
	_, err = io.ReadFull(s, make([]byte, len(now)))
	return err
}

func listAndTry(s *end) error {
	_, err := client.ListAndTrySelect(context.Background(), multiselect.NewCommunicator(s), "/echo/1.0.0")
	if err != nil {
		return err
	}
	return ask(s, "hello")
}

func lazily(cl *multiselect.Client, protocol, words string) func(*end) error {
	return func(s *end) error {
		l, err := cl.Lazy(context.Background(), s, protocol)
		if err != nil {
			return err
		}
		return ask(l, words)
	}
}

func lazyRead(s *end) error {
	l, err := client.Lazy(context.Background(), s, "/time/1.0.0")
	if err != nil {
		return err
	}
	_, err = io.ReadFull(l, make([]byte, len(now)))
	return err
}

func lazyClose(s *end) error {
	l, err := client.Lazy(context.Background(), s, "/log/1.0.0")
	if err != nil {
		return err
	}
	if _, err := io.WriteString(l, "hello"); err != nil {
		return err
	}
	before := time.Now()
	if err := l.Close(); err != nil {
		return err
	}
	if waited := time.Since(before); waited != 0 {
		return fmt.Errorf("Close has waited %v", waited)
	}
	return nil
}

// The library as the responder.

func serve(names ...string) func(*end) error {
	return func(s *end) error { return respond(new(multiselect.Muxer), s, names...) }
}

func serveOnce(names ...string) func(*end) error {
	return func(s *end) error { return respond(&multiselect.Muxer{OneShot: true}, s, names...) }
}

func respond(m *multiselect.Muxer, s *end, names ...string) error {
	for _, name := range names {
		h := func(_ context.Context, protocol string, stream io.ReadWriteCloser) {
			s.tape.record(event{kind: handler, from: s.role, text: "handler " + protocol})
			handlers[protocol](stream.(*end))
		}
		if err := m.AddHandler(name, h); err != nil {
			return err
		}
	}
	return m.ServeStream(context.Background(), s)
}

var handlers = map[string]func(*end){
	"/echo/1.0.0":   answerOne,
	"/time/1.0.0":   func(s *end) { io.WriteString(s, now) },
	"/delete/1.0.0": beWounded,
	"/log/1.0.0":    func(s *end) { io.Copy(io.Discard, s); s.CloseWrite() },
}

// answerOne says one request back.
func answerOne(s *end) {
	request := make([]byte, 64)
	if n, err := s.Read(request); err == nil {
		s.Write(request[:n])
	}
}

// beWounded is a handler that should never run.
func beWounded(s *end) {
	words := make([]byte, 64)
	n, _ := s.Read(words)
	s.tape.record(event{kind: wound, from: s.role, text: fmt.Sprintf("wound: reads %q, meant for /echo/2.0.0", words[:n])})
}

// Peers that are not the library.

func said(messages ...string) string {
	var b []byte
	for _, m := range messages {
		b = wire.AppendMessage(b, m)
	}
	return string(b)
}

// says writes, when it has heard something or is the initiator, and reads until
// the stream is over.
func says(words string) func(*end) error {
	return func(s *end) error {
		r := bufio.NewReader(s)
		if s.role == multiselect.Responder {
			r.Peek(1)
		}
		if words != "" {
			if _, err := io.WriteString(s, words); err != nil {
				return err
			}
		}
		io.Copy(io.Discard, r)
		return nil
	}
}

func givesUp(s *end) error {
	if _, err := io.WriteString(s, said(wire.Header, "/echo/2.0.0")); err != nil {
		return err
	}
	if _, err := io.ReadFull(s, make([]byte, len(said(wire.Header, wire.NA)))); err != nil {
		return err
	}
	return s.CloseWrite()
}

func stopsReading(s *end) error {
	if _, err := io.WriteString(s, said(wire.Header, "/log/1.0.0")+"hello"); err != nil {
		return err
	}
	return s.Close()
}
