package interop

import (
	"fmt"
	"io"
	"net"
	"testing"

	"github.com/multiselect/multiselect/internal/streamtest"
)

const crowdSize = 200

// crowd is the last row of the matrix: many initiators at once, each with words
// of its own, one listener, and one Muxer that all share.
var crowd = scenario{
	name:   fmt.Sprintf("%d at once, one listener", crowdSize),
	speaks: numbered(100),
	app:    application{answer: func(s *stream) error { _, err := io.Copy(s, s); return err }},
}

func (x *exchange) playCrowd(t testing.TB) error {
	l := streamtest.Listen(t, "tcp")
	defer l.Close()
	outcomes := make(chan error, 2*crowdSize)
	go x.serveCrowd(l, outcomes)
	start := make(chan struct{})
	for i := range crowdSize {
		conn := dial(t, l.Addr().String())
		defer conn.Close()
		go func() {
			<-start
			outcomes <- x.oneOfCrowd(i, conn)
			conn.Close()
		}()
	}
	close(start)
	return firstError(outcomes, 2*crowdSize)
}

// firstError waits for n outcomes.
func firstError(outcomes <-chan error, n int) (first error) {
	for range n {
		if err := <-outcomes; first == nil {
			first = err
		}
	}
	return first
}

func (x *exchange) serveCrowd(l net.Listener, outcomes chan<- error) {
	s := newService(x.speaks)
	for range crowdSize {
		conn, err := l.Accept()
		if err != nil {
			return // the test has ended
		}
		go func() {
			v := &visit{Conn: patient(conn), answer: x.app.answer}
			err := x.to.serve(s, v)
			if err == nil {
				err = v.err
			}
			conn.Close()
			outcomes <- err
		}()
	}
}

func (x *exchange) oneOfCrowd(i int, conn net.Conn) error {
	mine := *x.scenario
	mine.agreed = fmt.Sprintf("/%d", i%len(x.speaks))
	mine.proposes = names("/unknown", mine.agreed)
	if x.from.single {
		mine.proposes = mine.proposes[1:]
	}
	mine.app.ask = pingWith(fmt.Sprintf("ping %d", i)).ask
	protocol, err := (&exchange{&mine, x.from, x.to, x.via}).propose(conn)
	if err == nil && protocol != mine.agreed {
		err = fmt.Errorf("agreed on %q, want %q", protocol, mine.agreed)
	}
	return err
}
