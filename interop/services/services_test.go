package main

import (
	"context"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/multiselect/multiselect/internal/streamtest"
)

// Everything that main asks, by 8 clients of each kind at once, on real sockets;
// then a shutdown that leaves nothing.
func TestServices(t *testing.T) {
	before := runtime.NumGoroutine()
	server, client := streamtest.TLS(t)
	s, err := newServices()
	if err != nil {
		t.Fatal(err)
	}
	plain, secure, err := s.listen(server, nil)
	if err != nil {
		t.Fatal(err)
	}
	var clients sync.WaitGroup
	for _, p := range []port{{addr: plain}, {secure, client}} {
		for _, q := range questions(p) {
			for range 8 {
				clients.Go(func() {
					if heard, err := q.ask(t.Context(), p); heard != q.want || err != nil {
						t.Errorf("%s, TLS %v: heard %q, %v; want %q", q.name, p.tls != nil, heard, err, q.want)
					}
				})
			}
		}
	}
	clients.Wait()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := s.shutdown(ctx); err != nil {
		t.Error("shutdown:", err)
	}
	for runtime.NumGoroutine() > before { // clients' connections end in their own time
		if ctx.Err() != nil {
			stacks := make([]byte, 1<<20)
			t.Fatalf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, stacks[:runtime.Stack(stacks, true)])
		}
		runtime.Gosched()
	}
}

func TestRun(t *testing.T) {
	if err := run(t.Context()); err != nil {
		t.Error(err)
	}
}
