// Program ours puts this project's library behind the contract.
package main

import (
	"context"
	"errors"
	"io"
	"net"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/interop/peers/contract"
)

func main() { contract.Main(contract.Program{Initiate: initiate, Respond: respond}) }

func initiate(ctx context.Context, job contract.Job) (o contract.Outcome) {
	conn, err := net.Dial("tcp", job.Address)
	if err != nil {
		return contract.Failure(contract.Local, err)
	}
	client := multiselect.Client{Limits: multiselect.Limits{Timeout: job.Timeout}}
	switch {
	case job.LS:
		return list(ctx, client, conn.(*net.TCPConn), job)
	case job.Lazy:
		stream, err := client.Lazy(ctx, conn, job.Protocols[0])
		if err != nil {
			return contract.Failure(class(err), err)
		}
		o.Protocol = job.Protocols[0]
		o.Talk(job, stream, class)
		return o
	}
	if o.Protocol, err = client.SelectOneOf(ctx, conn, job.Protocols...); err != nil {
		return contract.Failure(class(err), err)
	}
	o.Talk(job, conn.(*net.TCPConn), class)
	return o
}

// list asks for the list, and then for its last name, or for what the job names.
func list(ctx context.Context, client multiselect.Client, conn *net.TCPConn, job contract.Job) (o contract.Outcome) {
	c := multiselect.NewCommunicator(conn)
	list, err := client.List(ctx, c)
	o.OK, o.Names = err == nil, list.Names
	refused := errors.Is(err, multiselect.ErrNotSupported)
	if len(job.Protocols) == 0 || err != nil && !refused {
		conn.Close()
		if err != nil {
			o.Fail(class(err), err)
		}
		return o
	}
	proposals := job.Protocols
	if n := len(list.Names); n > 0 {
		proposals = append(list.Names[n-1:n:n], proposals...)
	}
	if o.Protocol, err = client.SelectOn(ctx, c, proposals...); err != nil {
		o.Fail(class(err), err)
		return o
	}
	o.Talk(job, conn, class)
	return o
}

func respond(listen string, protocols []string, report func(contract.Outcome)) error {
	var mux multiselect.Muxer
	for _, name := range protocols {
		// Negotiate is called and not Handle: the handler is never run.
		if err := mux.AddHandler(name, func(context.Context, string, io.ReadWriteCloser) {}); err != nil {
			return err
		}
	}
	return contract.Accept(listen, report, func(conn net.Conn) (o contract.Outcome) {
		protocol, _, err := mux.Negotiate(context.Background(), conn)
		if err != nil {
			return contract.Failure(class(err), err)
		}
		o.Answer(protocol, conn.(*net.TCPConn))
		return o
	})
}

func class(err error) string {
	e, negotiating := errors.AsType[*multiselect.Error](err)
	switch {
	case errors.Is(err, multiselect.ErrNotSupported):
		return contract.Refused
	case errors.Is(err, multiselect.ErrGaveUp):
		return contract.Closed
	case negotiating && e.Timeout():
		return contract.Timeout
	case errors.Is(err, multiselect.ErrInvalidName), errors.Is(err, multiselect.ErrNoProtocols):
		return contract.Local
	}
	return contract.Classify(err)
}
