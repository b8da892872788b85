package contract

import (
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
)

// Stream is what is left when a protocol was agreed.
type Stream interface {
	io.ReadWriteCloser
	CloseWrite() error
}

// Talk is the initiator's part of the exchange: it says what the job says, reads
// what comes back, closes the stream and completes the outcome. classify says what
// an error means that is not the end of the stream; a lazy stream reports a refusal
// here.
func (o *Outcome) Talk(job Job, stream Stream, classify func(error) string) {
	err := o.exchange(job, stream)
	if closing := stream.Close(); job.End == Now && err == nil {
		err = closing
	}
	if job.End == Echo && !job.Lazy {
		err = nil // a protocol was agreed, and what the peer does with it is not the question
	}
	if err != nil {
		o.Protocol = ""
		o.Fail(classify(err), err)
		return
	}
	o.OK = true
}

func (o *Outcome) exchange(job Job, stream Stream) error {
	if job.Send != "" {
		if _, err := io.WriteString(stream, job.Send); err != nil {
			return err
		}
	}
	switch job.End {
	case Now:
		o.Closed = Self
		return nil
	case Echo:
		o.Closed = Peer
		n, err := io.Copy(onlyWriter{stream}, onlyReader{stream})
		o.Echoed = int(n)
		return err
	case Half:
		if err := stream.CloseWrite(); err != nil {
			return err
		}
		back, err := io.ReadAll(stream)
		o.Received, o.Closed = string(back), Peer
		return err
	}
	back := make([]byte, len(job.Send))
	n, err := io.ReadFull(stream, back)
	o.Received, o.Closed = string(back[:n]), Self
	return err
}

// Answer is the responder's part: it serves the protocol that was agreed, closes
// the stream and completes the outcome.
func (o *Outcome) Answer(protocol string, stream Stream) {
	defer stream.Close()
	o.Protocol = protocol
	var err error
	if strings.HasPrefix(protocol, Hello) {
		o.Closed = Self
		_, err = io.WriteString(stream, Greeting)
	} else {
		var n int64
		o.Closed = Peer
		n, err = io.Copy(onlyWriter{stream}, onlyReader{stream})
		o.Echoed = int(n)
	}
	if err == nil {
		err = stream.CloseWrite()
	}
	if err != nil && !errors.Is(err, syscall.ENOTCONN) {
		o.Closed = Reset
		o.Fail(Closed, err)
		return
	}
	if o.Closed == Self {
		io.Copy(io.Discard, onlyReader{stream}) // a close with unread bytes would be a reset
	}
	o.OK = true
}

// A stream is read and written by Read and Write, with nothing that io.Copy
// finds to go around them.
type (
	onlyReader struct{ io.Reader }
	onlyWriter struct{ io.Writer }
)

// Accept serves every connection that comes to listen.
func Accept(listen string, report func(Outcome), serve func(net.Conn) Outcome) error {
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	report(Outcome{OK: true, Address: l.Addr().String()})
	for {
		conn, err := l.Accept()
		if err != nil {
			return err
		}
		go func() {
			remote := conn.RemoteAddr().String()
			outcome := serve(conn)
			outcome.Remote = remote
			report(outcome)
		}()
	}
}

// Classify finds the classes that errors of any stream have.
func Classify(err error) string {
	var timeout net.Error
	switch {
	case errors.As(err, &timeout) && timeout.Timeout():
		return Timeout
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed),
		errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return Closed
	}
	return Protocol
}
