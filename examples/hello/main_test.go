package main

import (
	"strings"
	"testing"
)

func TestHello(t *testing.T) {
	const conversation = `> /multistream/1.0.0
> /echo/2.0.0
< /multistream/1.0.0
< na
> /echo/1.0.0
< /echo/1.0.0
`
	var stdout, stderr strings.Builder
	if err := run(strings.NewReader("hello"), &stdout, &stderr); err != nil {
		t.Fatal(err)
	}
	if stdout.String() != "hello" {
		t.Errorf("standard output is %q, want hello", stdout.String())
	}
	if stderr.String() != conversation {
		t.Errorf("standard error is:\n%swant:\n%s", stderr.String(), conversation)
	}
}
