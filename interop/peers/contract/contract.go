// Package contract is what the programs in Go have in common: their arguments,
// their outcomes, and what is said on a stream once a protocol was agreed. The
// contract itself is in the README of the folder above.
package contract

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Greeting is what the protocols say whose names begin with Hello; all others
// are echoes.
const (
	Hello    = "/hello/"
	Greeting = "hello\n"
)

// Job is what an initiator is asked to do.
type Job struct {
	Lazy, LS  bool
	Send      string
	End       string // how the exchange ends: Close, …
	Timeout   time.Duration
	Address   string
	Protocols []string
}

// The ends of an exchange.
const (
	Close = "close" // read as much as was sent
	Half  = "half"  // end this half behind what was sent, and read to the end
	Echo  = "echo"  // say back what comes
	Now   = "now"   // close without reading
)

// Args are the arguments of an initiator.
func (j Job) Args() []string {
	var args []string
	if j.Lazy {
		args = append(args, "--lazy")
	}
	if j.LS {
		args = append(args, "--ls")
	}
	if j.Send != "" {
		args = append(args, "--send="+j.Send)
	}
	if j.End != "" {
		args = append(args, "--end="+j.End)
	}
	if j.Timeout != 0 {
		args = append(args, "--timeout="+strconv.FormatFloat(j.Timeout.Seconds(), 'f', -1, 64))
	}
	return append(append(args, j.Address), j.Protocols...)
}

// ParseJob reads the arguments of an initiator.
func ParseJob(args []string) (j Job, err error) {
	j.Timeout, j.End = 10*time.Second, Close
	for len(args) > 0 && strings.HasPrefix(args[0], "--") {
		name, value, _ := strings.Cut(args[0], "=")
		switch name {
		case "--lazy":
			j.Lazy = true
		case "--ls":
			j.LS = true
		case "--send":
			j.Send = value
		case "--end":
			if !slices.Contains([]string{Close, Half, Echo, Now}, value) {
				return j, fmt.Errorf("no end %s", value)
			}
			j.End = value
		case "--timeout":
			seconds, err := strconv.ParseFloat(value, 64)
			if err != nil {
				return j, err
			}
			j.Timeout = time.Duration(seconds * float64(time.Second))
		default:
			return j, fmt.Errorf("no option %s", name)
		}
		args = args[1:]
	}
	if len(args) == 0 {
		return j, errors.New("an initiator needs an address")
	}
	j.Address, j.Protocols = args[0], args[1:]
	return j, nil
}

// The classes of errors.
const (
	Refused     = "refused"
	Protocol    = "protocol"
	Closed      = "closed"
	Timeout     = "timeout"
	Failed      = "failed"
	Local       = "local"
	Unsupported = "unsupported"
)

// Who ended a stream.
const (
	Self  = "self"
	Peer  = "peer"
	Reset = "reset"
)

// Outcome is a line of standard output.
type Outcome struct {
	Address  string   `json:"address,omitempty"` // the first line of a responder has nothing else
	Job      int      `json:"job,omitempty"`
	OK       bool     `json:"ok"`
	Protocol string   `json:"protocol"`
	Error    string   `json:"error"`
	Detail   string   `json:"detail,omitempty"`
	Received string   `json:"received,omitempty"`
	Names    []string `json:"names,omitempty"`
	Echoed   int      `json:"echoed,omitempty"`
	Closed   string   `json:"closed,omitempty"`
	Remote   string   `json:"remote,omitempty"`
}

// Fail makes o the outcome of something that failed.
func (o *Outcome) Fail(class string, err error) {
	o.OK, o.Error = false, class
	if err != nil {
		o.Detail = err.Error()
	}
}

// Failure is the outcome of something that failed at once.
func Failure(class string, err error) (o Outcome) {
	o.Fail(class, err)
	return o
}
