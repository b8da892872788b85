package main

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"
)

func TestFlights(t *testing.T) {
	asks, answers := kth(2).flights()
	want := [][]byte{
		[]byte("\x13/multistream/1.0.0\n\x0f/ipfs/a0/1.0.0\n"), []byte("\x0f/ipfs/id/1.0.0\n"),
	}
	if !slices.EqualFunc(asks, want, bytes.Equal) {
		t.Errorf("asks = %q", asks)
	}
	want = [][]byte{[]byte("\x13/multistream/1.0.0\n\x03na\n"), []byte("\x0f/ipfs/id/1.0.0\n")}
	if !slices.EqualFunc(answers, want, bytes.Equal) {
		t.Errorf("answers = %q", answers)
	}
}

func TestCrowd(t *testing.T) {
	names := crowdNames(1000)
	if len(names) != 1000 || names[999] != id {
		t.Errorf("%d names, the last is %q", len(names), names[len(names)-1])
	}
	slices.Sort(names)
	if n := len(slices.Compact(names)); n != 1000 {
		t.Errorf("only %d different names", n)
	}
	for _, name := range names {
		if len(name) != len(id) {
			t.Fatalf("%q is not as long as %q", name, id)
		}
	}
}

// Every variant agrees, in every talk, on every transport.
func TestVariants(t *testing.T) {
	for _, tr := range transports {
		for _, talk := range []scenario{oneLength, mixed, kth(2), kth(10)} {
			t.Run(tr.name+"/"+talk.name, func(t *testing.T) {
				l, err := tr.open()
				if err != nil {
					t.Fatal(err)
				}
				defer l.close()
				for _, v := range variants {
					if _, err := v.start(talk, l.initiator, l.responder).run(3); err != nil {
						t.Errorf("%s: %v", v.name, err)
					}
				}
			})
		}
	}
}

func TestModes(t *testing.T) {
	for _, m := range modes {
		if _, err := count(m); err != nil {
			t.Errorf("%s, %s: %v", m.name, m.variant.name, err)
		}
	}
}

func TestCrowdOf(t *testing.T) {
	for _, src := range sources {
		from, err := src.open()
		if err != nil {
			t.Fatal(err)
		}
		defer from.close()
		if err := runCrowd(from, 7, 30, floor.initiate(oneLength), ours.respond(oneLength)); err != nil {
			t.Errorf("%s: %v", src.name, err)
		}
	}
	shared := 0
	for i := range 7 {
		shared += share(30, 7, i)
	}
	if shared != 30 {
		t.Errorf("the clients have %d negotiations together, not 30", shared)
	}
}

// A read waits for bytes, takes what is there, and ends when the end is closed.
func TestDuplex(t *testing.T) {
	a, b := newDuplex()
	got := make(chan string)
	go func() {
		p := make([]byte, 10)
		n, _ := b.Read(p)
		got <- string(p[:n])
	}()
	a.Write([]byte("xyz"))
	if s := <-got; s != "xyz" {
		t.Errorf("read %q", s)
	}
	a.Write([]byte("12"))
	a.Write([]byte("34"))
	p := make([]byte, 3)
	if n, err := b.Read(p); n != 3 || err != nil || string(p) != "123" {
		t.Errorf("Read = %d, %v: %q", n, err, p)
	}
	if n, err := b.Read(p); n != 1 || err != nil {
		t.Errorf("Read = %d, %v", n, err)
	}
	b.Close()
	if _, err := b.Read(p); !errors.Is(err, io.EOF) {
		t.Errorf("Read after Close: %v", err)
	}
	if _, err := a.Write(p); err == nil {
		t.Error("Write after Close succeeded")
	}
}

func TestScripted(t *testing.T) {
	s := &scripted{script: []byte("abc")}
	p := make([]byte, 2)
	var got []byte
	for range 4 {
		n, _ := s.Read(p)
		got = append(got, p[:n]...)
	}
	if string(got) != "abcabc" {
		t.Errorf("read %q, want the script twice", got)
	}
}
