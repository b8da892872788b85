package interop

import (
	"encoding/binary"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/wire"
)

// Early data of our lazy stream, behind a proposal that is refused, and made to
// be taken for another one. The root module has the same against nine kinds of
// decoders; here are go-multistream's and ours, over real connections.

// earlyParts are what such data is made of: proposals of what is registered,
// with lengths and ends of every kind, and what may stand around them.
var earlyParts = []string{
	"\x03/b\n", "\x03/b\n", "\x03/a\n", "\x83\x00/b\n", "\x83\x80\x00/b\n", "\x03/b", "\x02/b", "\x04/b\n\n",
	"\x08svc/raw\n", "\x00", "\x80\x00", "\x01\n", "\x01x", "\x02x\n", "\x05x\n/b\n", "\x03ls\n", wire.HeaderFrame,
	string(binary.AppendUvarint(nil, 1024)) + strings.Repeat("x", 1024),
	string(binary.AppendUvarint(nil, 1025)) + strings.Repeat("x", 1024) + "\n",
}

// early returns some of them, one after the other.
func early(r *rand.Rand) (payload string) {
	for range 1 + r.IntN(5) {
		payload += earlyParts[r.IntN(len(earlyParts))]
	}
	return payload
}

// refuseLazy has our lazy initiator say the payload, cut into writes, to a
// responder that does not know its protocol. It returns whom that reached.
func refuseLazy(t *testing.T, r *rand.Rand, via *link, by *responder, client multiselect.Client, payload string) string {
	near, far := via.open(t)
	v := &visit{Conn: far, answer: silence.answer}
	served := make(chan struct{})
	go func() {
		defer close(served)
		defer far.Close()
		by.serve(newService(names("/a", "/b", "svc/raw")), v)
	}()
	lazy, err := client.Lazy(ctx, near, "/refused")
	if err != nil {
		t.Fatal(err)
	}
	for rest := payload; rest != "" && err == nil; {
		n := 1 + r.IntN(len(rest))
		_, err = lazy.Write([]byte(rest[:n]))
		rest = rest[n:]
	}
	// Not always ErrNotSupported: a responder that finds no message in early data
	// ends the connection, and over TCP a write may notice that before the "na".
	err = lazy.Wait(ctx)
	lazy.Close()
	<-served
	if v.served == "" && err == nil {
		t.Errorf("%s: %.60q: the initiator believes that it was agreed", by.name, payload)
	}
	return v.served
}

func TestLazyGuarded(t *testing.T) {
	const rounds = 400
	for _, by := range []struct {
		name string
		*responder
	}{{"theirs", &theirResponders[1]}, {"ours", &ourResponders[1]}} {
		for _, via := range links[:3] {
			t.Run(by.name+"/"+via.name, func(t *testing.T) {
				r := rand.New(rand.NewPCG(2, 0))
				for range rounds {
					payload := early(r)
					if reached := refuseLazy(t, r, &via, by.responder, multiselect.Client{}, payload); reached != "" {
						t.Fatalf("%.60q reaches %q", payload, reached)
					}
				}
				// The same without the guard, for control.
				hits := 0
				for range rounds / 4 {
					if refuseLazy(t, r, &via, by.responder, multiselect.Client{Unguarded: true}, early(r)) != "" {
						hits++
					}
				}
				if t.Logf("without the guard, %d of %d reach another handler", hits, rounds/4); hits == 0 {
					t.Error("without the guard nobody is reached either: this proves nothing")
				}
			})
		}
	}
}
