package apitest

import (
	"cmp"
	"context"
	"errors"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/multiselect/multiselect"
)

// Ending is a connection on which requests are written shortly before it is closed.
type Ending struct {
	Open   func() (io.ReadWriteCloser, error) // a stream of the client
	Accept func() (io.ReadWriteCloser, error)
	End    func() // closes the connection, as the client
	Ended  func() // blocks until the server knows
}

// EndingWay is a way to end a program that has written requests.
type EndingWay struct {
	Late bool // the handlers read after the connection was closed, otherwise immediately
	Read bool // the client calls CloseWrite and reads until io.EOF, otherwise Close and Drain
}

const endingStreams = 10 // streams of a connection

// EndingTries returns the number of requests for [EndingWay.Play]: 100, or that of the environment
// variable MULTISELECT_DRAIN_TRIES.
func EndingTries(t testing.TB) int {
	set := os.Getenv("MULTISELECT_DRAIN_TRIES")
	if set == "" {
		return 100
	}
	n, err := strconv.Atoi(set)
	if err != nil || n <= 0 {
		t.Fatalf("MULTISELECT_DRAIN_TRIES is %q", set)
	}
	return n
}

// Play writes tries requests on lazy streams, each ten on a connection of its own, which it closes
// after Drain has returned. It returns the number of requests that handlers have read to the end.
// The streams are served in turn by the functions serve, which agree on "/a" and call the handler.
func (way EndingWay) Play(t testing.TB, connect func() *Ending, tries int, serve ...func(io.ReadWriteCloser, func(io.ReadWriteCloser)) error) (delivered int) {
	t.Helper()
	const request = "\x07request"
	for range tries / endingStreams {
		e := connect()
		ended := make(chan struct{})
		outcomes := make(chan error, endingStreams)
		go func() {
			for i := range endingStreams {
				stream, err := e.Accept()
				if err != nil {
					outcomes <- err
					continue
				}
				go func() {
					outcome := errors.New("no handler was called")
					err := serve[i%len(serve)](stream, func(stream io.ReadWriteCloser) {
						defer stream.Close()
						if way.Late {
							<-ended
						}
						got, err := io.ReadAll(stream)
						if outcome = err; err == nil && string(got) != request {
							outcome = io.ErrUnexpectedEOF
						}
					})
					outcomes <- cmp.Or(err, outcome)
				}()
			}
		}()
		var clients sync.WaitGroup
		for range endingStreams {
			stream, err := e.Open()
			if err != nil {
				t.Fatal(err)
			}
			l, err := new(multiselect.Client).Lazy(context.Background(), stream, "/a")
			if err != nil {
				t.Fatal(err)
			}
			clients.Go(func() { way.use(t, l, request) })
		}
		clients.Wait()
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if err := multiselect.Drain(ctx); err != nil {
			t.Error(err)
		}
		e.End()
		e.Ended()
		close(ended)
		for range endingStreams {
			if err := <-outcomes; err == nil {
				delivered++
			}
		}
	}
	return delivered
}

// use sends a request and closes the stream.
func (way EndingWay) use(t testing.TB, l *multiselect.LazyStream, request string) {
	if _, err := io.WriteString(l, request); err != nil {
		t.Error(err)
	}
	if way.Read {
		if err := l.CloseWrite(); err != nil {
			t.Error(err)
		}
		if reply, err := io.ReadAll(l); len(reply) > 0 || err != nil {
			t.Errorf("read %q, %v", reply, err)
		}
	}
	if err := l.Close(); err != nil && !way.Read { // that of smux fails after both ends have closed
		t.Error(err)
	}
}

// CheckEndings plays the ways to end on a transport, and compares the results with its row of a
// table in a document. The cells are those of a handler that reads immediately, of one that reads
// late, and of a client that reads until io.EOF. "all" requires that all requests are delivered,
// and "none" that none is; "not all" promises nothing, and "–" is not played.
func CheckEndings(t *testing.T, document, transport string, connect func(t testing.TB) *Ending, serve ...func(io.ReadWriteCloser, func(io.ReadWriteCloser)) error) {
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	row := regexp.MustCompile(`(?m)^\| ` + regexp.QuoteMeta(transport) + ` \|(.*)\|$`).FindSubmatch(text)
	if row == nil {
		t.Fatalf("%s has no row for %s", document, transport)
	}
	cells := strings.Split(string(row[1]), "|")
	for i, way := range []EndingWay{{}, {Late: true}, {Late: false, Read: true}} {
		claim := strings.Trim(cells[i], " *")
		if claim == "–" {
			continue
		}
		tries := EndingTries(t)
		got := way.Play(t, func() *Ending { return connect(t) }, tries, serve...)
		t.Logf("%s, %+v: %d of %d", transport, way, got, tries)
		switch {
		case claim == "all" && got == tries, claim == "none" && got == 0, claim == "not all":
		default:
			t.Errorf("%s: column %d says %q, and %d of %d are delivered", document, i+1, claim, got, tries)
		}
	}
}
