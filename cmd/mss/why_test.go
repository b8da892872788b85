package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/libp2p/go-yamux/v5"
	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/conform"
	"github.com/rogpeppe/go-internal/testscript"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/multiselect/multiselect/cmd/mss/internal/address"
)

// ports are what differs from run to run in a message.
var ports = regexp.MustCompile(`127\.0\.0\.1([:/](?:tcp/)?)\d+`)

// cmdMessage compares standard error with a file, but for the ports.
func cmdMessage(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: message FILE")
	}
	got := ports.ReplaceAllString(ts.ReadFile("stderr"), "127.0.0.1${1}4001")
	if want := ts.ReadFile(args[0]); got != want {
		ts.Fatalf("mss says\n%swant\n%s", got, want)
	}
}

// cmdLibp2p sets VAR to the multiaddr that a host:port would have.
func cmdLibp2p(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: libp2p VAR HOST:PORT")
	}
	ts.Setenv(args[0], address.Libp2pForm(args[1]))
}

// cmdWeb starts a web server.
func cmdWeb(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: web VAR")
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	server := &http.Server{Handler: http.NotFoundHandler()}
	go server.Serve(ln)
	ts.Defer(func() { server.Close() })
	ts.Setenv(args[0], ln.Addr().String())
}

// cmdLimited starts a yamux server that resets all streams for want of resources.
func cmdLimited(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: limited VAR")
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		config := yamux.DefaultConfig()
		config.LogOutput = io.Discard
		session, err := yamux.Server(conn, config, nil)
		if err != nil {
			conn.Close()
			return
		}
		defer session.Close()
		for {
			stream, err := session.AcceptStream()
			if err != nil {
				return
			}
			stream.ResetWithError(0x1002)
		}
	}()
	ts.Defer(func() {
		ln.Close()
		<-ended
	})
	ts.Setenv(args[0], "yamux://"+ln.Addr().String())
}

// The messages of docs/mss.md are those of the script.
func TestPageOfMessages(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "mss.md"))
	if err != nil {
		t.Fatal(err)
	}
	script, err := txtar.ParseFile(filepath.Join("testdata", "script", "why.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	var written bytes.Buffer // the page without the margin of its blocks
	for line := range strings.Lines(string(page)) {
		written.WriteString(strings.TrimPrefix(line, "    "))
	}
	for _, file := range script.Files {
		if bytes.HasPrefix(file.Data, []byte("mss: ")) && !bytes.Contains(written.Bytes(), file.Data) {
			t.Errorf("docs/mss.md does not show the message of %s:\n%s", file.Name, file.Data)
		}
	}
}

// The cases that docs/conformance-suite.md shows, and their numbers, are those of the suite.
func TestPageOfCases(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "conformance-suite.md"))
	if err != nil {
		t.Fatal(err)
	}
	page := strings.Join(strings.Fields(string(text)), " ")
	responder := conform.Cases(multiselect.Responder)
	wanted := []string{
		fmt.Sprintf("plays %d cases with a responder", len(responder)),
		fmt.Sprintf("plays %d cases with an initiator", len(conform.Cases(multiselect.Initiator))),
	}
	for _, c := range responder {
		if c.ID == "R2-silence" || c.ID == "R10-empty" {
			wanted = append(wanted, c.ID+": "+c.Title)
		}
	}
	for _, want := range wanted {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if len(wanted) != 4 {
		t.Errorf("the page shows cases that do not exist: %q", wanted)
	}
}
