// Program gomultistream puts go-multistream behind the contract. The library
// knows no time, so the program sets deadlines, as its users do.
package main

import (
	"context"
	"errors"
	"io"
	"net"
	"time"

	multistream "github.com/multiformats/go-multistream"

	"github.com/multiselect/multiselect/interop/peers/contract"
)

func main() { contract.Main(contract.Program{Initiate: initiate, Respond: respond}) }

const patience = 10 * time.Second // of a responder

// lazily is a lazy stream that can end one half.
type lazily struct {
	multistream.LazyConn
	conn *net.TCPConn
}

// CloseWrite does as go-libp2p does.
func (l lazily) CloseWrite() error {
	if flusher, ok := l.LazyConn.(interface{ Flush() error }); ok {
		flusher.Flush()
	}
	return l.conn.CloseWrite()
}

func initiate(ctx context.Context, job contract.Job) (o contract.Outcome) {
	if job.LS {
		return contract.Failure(contract.Unsupported, errors.New("go-multistream does not ask for lists since 2021"))
	}
	dialled, err := net.Dial("tcp", job.Address)
	if err != nil {
		return contract.Failure(contract.Local, err)
	}
	conn := dialled.(*net.TCPConn)
	conn.SetDeadline(time.Now().Add(job.Timeout))
	// It knows no cancelling either.
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	if job.Lazy {
		o.Protocol = job.Protocols[0]
		o.Talk(job, lazily{multistream.NewMSSelect(conn, o.Protocol), conn}, class)
		return o
	}
	if o.Protocol, err = multistream.SelectOneOf(job.Protocols, conn); err != nil {
		conn.Close()
		return contract.Failure(class(err), err)
	}
	conn.SetDeadline(time.Time{})
	o.Talk(job, conn, class)
	return o
}

func respond(listen string, protocols []string, report func(contract.Outcome)) error {
	mux := multistream.NewMultistreamMuxer[string]()
	for _, name := range protocols {
		mux.AddHandler(name, func(string, io.ReadWriteCloser) error { return nil })
	}
	return contract.Accept(listen, report, func(conn net.Conn) (o contract.Outcome) {
		conn.SetDeadline(time.Now().Add(patience))
		protocol, _, err := mux.Negotiate(conn)
		if err != nil {
			conn.Close()
			return contract.Failure(class(err), err)
		}
		conn.SetDeadline(time.Time{})
		o.Answer(protocol, conn.(*net.TCPConn))
		return o
	})
}

func class(err error) string {
	if errors.Is(err, multistream.ErrNotSupported[string]{}) {
		return contract.Refused
	}
	return contract.Classify(err)
}
