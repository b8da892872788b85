package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"os/exec"
	"testing"

	"github.com/multiselect/multiselect/interop/peers/contract"
)

// TestContract holds the programs to what README.md says of them as commands.
func TestContract(t *testing.T) {
	for _, p := range look(t).players {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			job := contract.Job{Send: payload, Address: p.address, Protocols: []string{echo}}
			if o := command(t, p, 0, job.Args()...); !o.OK || o.Protocol != echo || o.Received != payload || o.Error != "" {
				t.Errorf("a success: %+v", o)
			}
			job.Protocols = []string{"/nobody/1.0.0"}
			if o := command(t, p, 1, job.Args()...); o.OK || o.Error != contract.Refused || o.Protocol != "" {
				t.Errorf("a refusal: %+v", o)
			}
			job.Address = nobody(t)
			if o := command(t, p, 1, job.Args()...); o.OK || o.Error != contract.Local {
				t.Errorf("nobody listens: %+v", o)
			}
			if _, lacks := p.lacks["lazy"]; lacks {
				job.Lazy = true
				if o := command(t, p, 127, job.Args()...); o.Error != contract.Unsupported || o.Detail == "" {
					t.Errorf("what it does not offer: %+v", o)
				}
			}
		})
	}
}

// command runs an initiator as a process, which prints one outcome.
func command(t *testing.T, p *player, code int, args ...string) (o contract.Outcome) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	args = append(append(p.command[1:len(p.command):len(p.command)], "initiator"), args...)
	cmd := exec.CommandContext(ctx, p.command[0], args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if got := cmd.ProcessState.ExitCode(); got != code {
		t.Errorf("%v: exit code %d, want %d: %v %s", args, got, code, err, stderr.Bytes())
	}
	lines := json.NewDecoder(bytes.NewReader(out))
	if err := lines.Decode(&o); err != nil || lines.More() {
		t.Errorf("%v: %v, standard output is not one outcome: %q", args, err, out)
	}
	return o
}

// nobody is an address where nobody listens.
func nobody(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
