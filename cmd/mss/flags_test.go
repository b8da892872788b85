package main

import (
	"io"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/multiselect/multiselect/cmd/mss/internal/address"
	"github.com/multiselect/multiselect/cmd/mss/internal/exit"
	"github.com/multiselect/multiselect/cmd/mss/internal/terminal"
)

// The flags of a peer give an address, or the embedded responder, or a usage error before
// anything is connected.
func TestPeerFlags(t *testing.T) {
	for _, c := range []struct {
		args string
		peer string
		says string
	}{
		{"", "the embedded responder", ""},
		{"--to unix:/s", "unix:/s", ""},
		{"--to tls://h:1 --insecure --alpn x", "tls://h:1", ""},
		{"--timeout 0", "the embedded responder", ""},
		{"--timeout -1s", "", "--timeout -1s: it cannot be negative"},
		{"--to nowhere", "", `address "nowhere": missing port in address`},
		{"--to=", "", "the address is empty"},
		{"--pin x", "", "--ca, --pin and --insecure are for tls:// and quic://"},
		{"--to h:1 --alpn x", "", "--alpn is for tls:// and quic://"},
	} {
		var f peerFlags
		cmd := &cobra.Command{Use: "verb"}
		f.add(cmd)
		if err := cmd.ParseFlags(strings.Fields(c.args)); err != nil {
			t.Fatal(err)
		}
		p, err := f.open()
		if err != nil {
			if c.says == "" || exit.Code(err) != exit.Usage || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s: exit code %d, %v; want %q", c.args, exit.Code(err), err, c.says)
			}
			continue
		}
		if p.String() != c.peer {
			t.Errorf("%s: %s, want %s", c.args, p, c.peer)
		}
		p.Stop()
	}
}

// A live transcript is written with -v only, and not in addition to a document that has it.
func TestLive(t *testing.T) {
	var stderr strings.Builder
	s := &terminal.Stdio{Err: &stderr}
	for _, c := range []struct{ verbose, json, live bool }{
		{false, false, false}, {true, false, true}, {false, true, false}, {true, true, false},
	} {
		f := peerFlags{verbose: c.verbose, json: c.json}
		if live := f.live(s) != io.Discard; live != c.live {
			t.Errorf("%+v: live %v", c, live)
		}
	}
}

// The environment of a COMMAND is read completely, or is a usage error.
func TestReadTask(t *testing.T) {
	whole := map[string]string{
		"MSS_CONFORM_NETWORK": "tcp", "MSS_CONFORM_ADDR": "127.0.0.1:4001", "MSS_CONFORM_MODE": "select",
		"MSS_CONFORM_PROTOCOLS": `["/a","/b"]`, "MSS_CONFORM_TIMEOUT": "1500", "MSS_CONFORM_CASE": "R1",
	}
	a, task, err := readTask(func(name string) string { return whole[name] })
	if err != nil || a.String() != "127.0.0.1:4001" || task.Mode != "select" || strings.Join(task.Protocols, " ") != "/a /b" ||
		task.Timeout != 1500*time.Millisecond || task.Case != "R1" {
		t.Errorf("%s, %+v, %v", a, task, err)
	}
	for _, c := range []struct{ name, value, says string }{
		{"MSS_CONFORM_NETWORK", "", "mss conform initiator -- mss conform task"},
		{"MSS_CONFORM_ADDR", "", "there is no MSS_CONFORM_NETWORK"},
		{"MSS_CONFORM_PROTOCOLS", "/a", "MSS_CONFORM_PROTOCOLS: "},
		{"MSS_CONFORM_TIMEOUT", "1s", `"1s" is no number of milliseconds`},
		{"MSS_CONFORM_TIMEOUT", "0", `"0" is no number of milliseconds`},
	} {
		_, _, err := readTask(func(name string) string {
			if name == c.name {
				return c.value
			}
			return whole[name]
		})
		if exit.Code(err) != exit.Usage || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s=%s: exit code %d, %v", c.name, c.value, exit.Code(err), err)
		}
	}
	if a := plainAddress("unix", "/s"); a.Form != address.Unix || a.String() != "unix:/s" {
		t.Errorf("a socket file: %s", a)
	}
}

func TestCompleteRoutes(t *testing.T) {
	if names, _ := completeRoutes(nil, nil, "/a"); len(names) > 0 {
		t.Errorf("a name without a target: %q", names)
	}
	names, _ := completeRoutes(nil, nil, "/a=ec")
	if got := strings.Join(names, " "); got != "/a=echo /a=time /a=discard /a=static: /a=exec: /a=tcp:" {
		t.Errorf("got %s", got)
	}
}
