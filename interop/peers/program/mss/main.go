// Program mss puts the tool of this project behind the contract: every job is an
// "mss dial" or "mss ls" of its own, and the responder is one "mss serve". The
// environment variable MSS says where the tool is.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"

	"github.com/multiselect/multiselect/interop/peers/contract"
)

func main() { contract.Main(contract.Program{Initiate: initiate, Respond: respond}) }

// document is what mss writes with --json about a negotiation.
type document struct {
	Peer     string   `json:"peer"`
	Protocol string   `json:"protocol"`
	Refused  []string `json:"refused"`
	Offers   []string `json:"offers"`
	Sent     int      `json:"bytes_sent"`
	Error    string   `json:"error"`
	Code     int      `json:"exit_code"`
	Event    string   `json:"event"`
}

// classes are the exit codes of mss.
var classes = map[int]string{
	4: contract.Timeout, 5: contract.Protocol, 6: contract.Closed, 7: contract.Refused,
}

func class(code int) string {
	if class, ok := classes[code]; ok {
		return class
	}
	return contract.Local
}

func initiate(ctx context.Context, job contract.Job) contract.Outcome {
	switch {
	case job.LS && len(job.Protocols) > 0:
		return contract.Failure(contract.Unsupported, errors.New("mss ls does not propose"))
	case job.End == contract.Now, job.Lazy && job.Send == "":
		return contract.Failure(contract.Unsupported, errors.New("mss dial --lazy waits for something to say"))
	}
	timeout := "--timeout=" + job.Timeout.String()
	if job.LS {
		return list(exec.CommandContext(ctx, os.Getenv("MSS"), "ls", "--json", timeout, "--to="+job.Address))
	}
	args := []string{"dial", "--json", timeout, "--to=" + job.Address}
	if job.Lazy {
		args = append(args, "--lazy")
	}
	cmd := exec.CommandContext(ctx, os.Getenv("MSS"), append(append(args, "--"), job.Protocols...)...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	return dial(cmd, job)
}

func list(ls *exec.Cmd) (o contract.Outcome) {
	out, err := ls.Output()
	var d document
	if json.Unmarshal(out, &d) != nil {
		return contract.Failure(contract.Local, err)
	}
	if o.OK, o.Names = d.Code == 0, d.Offers; !o.OK {
		o.Fail(class(d.Code), errors.New(d.Error))
	}
	return o
}

// dial joins the job's words to the standard input and output of mss dial, and
// ends its standard input when the job ends a half, which is what ends both.
func dial(cmd *exec.Cmd, job contract.Job) (o contract.Outcome) {
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return contract.Failure(contract.Local, err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return contract.Failure(contract.Local, err)
	}
	if err := cmd.Start(); err != nil {
		return contract.Failure(contract.Local, err)
	}
	io.WriteString(in, job.Send) // an error is mss's end, which says why
	var back []byte
	o.Closed = contract.Peer
	switch job.End {
	case contract.Echo:
		io.Copy(in, out)
	case contract.Close:
		back = make([]byte, len(job.Send))
		n, _ := io.ReadFull(out, back)
		back, o.Closed = back[:n], contract.Self
	}
	in.Close()
	rest, _ := io.ReadAll(out)
	o.Received = string(back) + string(rest)
	failed := cmd.Wait()

	var d document
	first, _, _ := bytes.Cut(stderr.Bytes(), []byte{'\n'})
	if err := json.Unmarshal(first, &d); err != nil {
		return contract.Failure(contract.Local, fmt.Errorf("%s: %w", first, err))
	}
	o.Protocol = d.Protocol
	// What the peer does once a protocol was agreed is not the question of an echo.
	o.OK = failed == nil || job.End == contract.Echo && d.Code == 0
	if !o.OK {
		o.Fail(class(cmd.ProcessState.ExitCode()), errors.New(d.Error))
	}
	return o
}

func respond(listen string, protocols []string, report func(contract.Outcome)) error {
	args := []string{"serve", "--json", "--listen=" + listen, "--"}
	for _, name := range protocols {
		target := "echo"
		if strings.HasPrefix(name, contract.Hello) {
			target = "static:" + contract.Greeting
		}
		args = append(args, name+"="+target)
	}
	serve := exec.Command(os.Getenv("MSS"), args...)
	endsWithUs(serve)
	out, err := serve.StdoutPipe()
	if err != nil {
		return err
	}
	log, err := serve.StderrPipe()
	if err != nil {
		return err
	}
	if err := serve.Start(); err != nil {
		return err
	}
	var address string
	if _, err := fmt.Fscanf(out, "listening %s\n", &address); err != nil {
		return err
	}
	report(contract.Outcome{OK: true, Address: address})
	for lines := bufio.NewScanner(log); lines.Scan(); {
		var d document
		if err := json.Unmarshal(lines.Bytes(), &d); err != nil {
			return fmt.Errorf("%s: %w", lines.Bytes(), err)
		}
		if d.Event == "" {
			report(served(d))
		}
	}
	return serve.Wait()
}

// served is the outcome of a connection. mss does not say what happened on it
// once a protocol was agreed.
func served(d document) contract.Outcome {
	o := contract.Outcome{OK: d.Protocol != "", Protocol: d.Protocol, Remote: d.Peer}
	switch {
	case d.Code != 0:
		o.Fail(class(d.Code), errors.New(d.Error))
	case !o.OK: // an initiator that leaves when it was refused is no error
		o.Fail(contract.Closed, nil)
	}
	return o
}
