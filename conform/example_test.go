package conform_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"regexp"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/conform"
)

// The cases of one rule, R13, with a responder in this process. One in another language is reached
// by a Dial function that connects to its address. In a test, TestResponder runs each case as a
// subtest instead.
func ExampleRunResponder() {
	mux, err := multiselect.NewMuxer(map[string]multiselect.Handler{
		"/echo/1.0.0": func(_ context.Context, _ string, stream io.ReadWriteCloser) {
			defer stream.Close()
			io.Copy(stream, stream)
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	party := conform.Responder{
		Dial: func(context.Context) (io.ReadWriteCloser, error) {
			ours, theirs := net.Pipe()
			go mux.ServeStream(context.Background(), ours)
			return theirs, nil
		},
		Protocols: []string{"/echo/1.0.0"},
	}
	report, err := conform.RunResponder(context.Background(), party, conform.Options{Select: regexp.MustCompile("^R13-")})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(report.Count(conform.VerdictPass), "passed,", report.Count(conform.VerdictSkipped), "skipped,", report.OK())
	// Output: 17 passed, 4 skipped, true
}
