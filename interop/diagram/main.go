// Command diagram draws the transcripts of docs/protocol as sequence diagrams.
//
//	GOWORK=off go run .       # an SVG beside each transcript
//	GOWORK=off go test ./...  # the library plays each transcript, in fake time
//
// A transcript has no word for the end of a stream, for time, or for what one
// side does by itself. Here its comments say that, so that a picture is still
// what [transcript.Parse] reads:
//
//	# Eager: one round trip                  the first comment is the title,
//	# One write on each side.                those up to the first arrow the text below
//	> /echo/1.0.0 # first choice             said at the head of the arrow
//	< /echo/1.0.0 # lost                     the flight does not arrive
//	# meanwhile                              the next flight leaves before the last has arrived
//	# initiator: FIN                         ends its direction
//	# initiator: reset (0x1001)              ends the stream
//	# responder: silence, 10 s: the budget   time passes
//	# responder: handler /echo/1.0.0         runs from here
//	# initiator: error: unexpected answer    what the call returns
//	# responder: wound: …                    what should not happen
//	# initiator: Close has returned          anything else that a side does
//
// Lines of one write are one arrow: a flight. An arrow ends where all of it has
// arrived, so whoever answers begins below it, and what is within a bracket on
// the left is one round trip.
//
// scene.go reads a transcript, layout.go gives everything its place, and svg.go
// draws. The module is never published and not part of go.work.
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
	pictures, err := draw(folder)
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

// draw returns the path and the content of each picture.
func draw(folder string) (map[string]string, error) {
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
