// Command diagram draws the transcripts of docs/protocol as sequence diagrams.
//
//	GOWORK=off go run .       # an SVG next to each transcript
//	GOWORK=off go test ./...  # the library plays each transcript, in fake time
//
// A transcript cannot express the end of a stream, time, or the actions of one side.
// Here its comments do, so that [transcript.Parse] still reads the file:
//
//	# Eager: one round trip                  the first comment is the title,
//	# One write on each side.                those before the first arrow the text below
//	> /echo/1.0.0 # first choice             shown at the head of the arrow
//	< /echo/1.0.0 # lost                     the flight does not arrive
//	# meanwhile                              the next flight is sent before the last has arrived
//	# initiator: FIN                         ends its direction
//	# initiator: reset (0x1001)              ends the stream
//	# responder: silence, 10 s               time passes
//	# responder: handler /echo/1.0.0         runs from here
//	# initiator: error: unexpected answer    the error of the call
//	# responder: wound: …                    an event that must not happen
//	# initiator: Close has returned          any other action of a side
//
// Lines of one write are one arrow: a flight. An arrow ends where all of it has
// arrived, so the answer begins below it. A bracket on the left is one round trip.
//
// scene.go reads a transcript, layout.go computes positions, and svg.go draws. The program is
// run by hand; interop/check runs the tests, and TestPictures fails when a picture is not
// what the program draws.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

func main() {
	folder := flag.String("docs", filepath.Join("..", "..", "docs", "protocol"), "the `folder` of the transcripts")
	flag.Parse()
	if err := write(*folder); err != nil {
		fmt.Fprintln(os.Stderr, "diagram:", err)
		os.Exit(1)
	}
}

func write(folder string) error {
	pictures, err := drawAll(folder)
	if err != nil {
		return err
	}
	for path, svg := range pictures {
		if err := os.WriteFile(path, []byte(svg), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// drawAll returns the path and the content of each picture.
func drawAll(folder string) (map[string]string, error) {
	transcripts, err := filepath.Glob(filepath.Join(folder, "*.txt"))
	if err != nil {
		return nil, err
	}
	pictures := make(map[string]string)
	for _, path := range transcripts {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		s, err := readScene(text)
		if err == nil {
			err = s.fits()
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		pictures[strings.TrimSuffix(path, ".txt")+".svg"] = picture(s)
	}
	return pictures, nil
}
