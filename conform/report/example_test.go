package report_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"path/filepath"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/conform"
	"github.com/multiselect/multiselect/conform/report"
)

// echo serves /echo/1.0.0 on a new connection: the responder under test. One in another language
// is reached by a network address instead.
func echo(context.Context) (io.ReadWriteCloser, error) {
	mux, err := multiselect.NewMuxer(map[string]multiselect.Handler{
		"/echo/1.0.0": func(_ context.Context, _ string, stream io.ReadWriteCloser) {
			defer stream.Close()
			io.Copy(stream, stream)
		},
	})
	if err != nil {
		return nil, err
	}
	ours, theirs := net.Pipe()
	go mux.ServeStream(context.Background(), theirs)
	return ours, nil
}

// A run of three cases, as text.
func ExampleText() {
	party := conform.Responder{Dial: echo, Protocols: []string{"/echo/1.0.0"}}
	cases := []string{"R10-empty", "R13-upper", "R10-no-slash"}
	result, err := conform.RunResponder(context.Background(), party, conform.Options{IDs: cases})
	if err != nil {
		log.Fatal(err)
	}
	if err := report.Text(os.Stdout, result); err != nil {
		log.Fatal(err)
	}
	// Output:
	// pass         R10-no-slash: an unknown name without a slash
	// pass         R10-empty: an empty name
	// pass         R13-upper: a known name in upper case
	//
	// passed: 3 pass
	// 3 passed, 0 failed, 0 skipped
}

// One run can be written in several formats: here a page for people, and JUnit XML for a CI
// system.
func ExampleHTML() {
	party := conform.Responder{Dial: echo, Protocols: []string{"/echo/1.0.0"}}
	result, err := conform.RunResponder(context.Background(), party, conform.Options{IDs: []string{"R10-empty"}})
	if err != nil {
		log.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "report")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	err = create(filepath.Join(dir, "report.html"), func(w io.Writer) error { return report.HTML(w, "my responder", result) })
	if err != nil {
		log.Fatal(err)
	}
	err = create(filepath.Join(dir, "report.xml"), func(w io.Writer) error { return report.JUnit(w, "my responder", result) })
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(report.Summary(result))
	// Output: 1 passed, 0 failed, 0 skipped
}

// create writes a file.
func create(name string, write func(io.Writer) error) error {
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	return errors.Join(write(file), file.Close())
}
