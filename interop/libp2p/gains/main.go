// Gains measures go-libp2p hosts with go-multistream and with gomultistream, in turns,
// and writes docs/dropin.md:
//
//	cd interop/libp2p && GOWORK=off go run ./gains
package main

import (
	_ "embed"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"text/template"

	"github.com/multiselect/multiselect/interop/libp2p"
)

//go:embed dropin.md.tmpl
var document string

// samples are the values that a figure had, by round.
type samples map[string][]float64

// side is one of the two binaries.
type side struct {
	name, binary string
	by           map[string]samples // transport → figures
}

func main() {
	rounds := flag.Int("rounds", 7, "how often each host is measured")
	out := flag.String("o", "../../docs/dropin.md", "the document to write")
	flag.Parse()
	if err := run(*rounds, *out); err != nil {
		fmt.Fprintln(os.Stderr, "gains:", err)
		os.Exit(1)
	}
}

func run(rounds int, out string) error {
	dir, err := os.MkdirTemp("", "gains")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b, err := libp2p.Build(".", dir)
	if err != nil {
		return err
	}
	sides := []side{{"go-multistream", b.Original, map[string]samples{}}, {"gomultistream", b.Ours, map[string]samples{}}}
	load, ratios := loadAverage(), map[string]samples{}
	for _, transport := range transports {
		ratios[transport] = samples{}
		for range pairs {
			if err := measurePaired(sides, transport, ratios[transport]); err != nil {
				return err
			}
		}
	}
	for i := range rounds {
		for _, transport := range []string{"tcp", "quic"} {
			for j := range sides {
				s := sides[(i+j)%2] // neither is always the first
				if err := s.measure("measure", transport); err != nil {
					return err
				}
				if i < 3 { // 10 s each with go-multistream
					if err := s.measure("silent", transport); err != nil {
						return err
					}
				}
			}
		}
		fmt.Fprintf(os.Stderr, "round %d of %d\n", i+1, rounds)
	}
	return write(out, sides, rounds, load, ratios)
}

var transports = []string{"tcp", "noise", "quic"}

// measure runs a binary and keeps its figures.
func (s side) measure(what, transport string) error {
	cmd := exec.Command(s.binary, what, transport)
	cmd.Stderr = os.Stderr
	said, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("%s %s with %s: %w", what, transport, s.name, err)
	}
	var figures map[string]float64
	if err := json.Unmarshal(said, &figures); err != nil {
		return err
	}
	for name, value := range figures {
		s.add(transport, name, value)
	}
	return nil
}

// add adds a value of a figure.
func (s side) add(transport, figure string, value float64) {
	if s.by[transport] == nil {
		s.by[transport] = samples{}
	}
	s.by[transport][figure] = append(s.by[transport][figure], value)
}

// lines are the rows of the tables: the name of a figure, and what it is.
var lines = []struct{ figure, title string }{
	{"lazy streams/s", "streams a second, one after the other, protocol known (lazy)"},
	{"lazy streams/s at once", "streams a second, 16 at a time, lazy"},
	{"eager streams/s", "streams a second, one after the other, protocol asked for (eager)"},
	{"third streams/s", "streams a second, the third proposal agreed on"},
	{"lazy goroutines", "goroutines of both hosts, a lazy stream"},
	{"eager goroutines", "goroutines of both hosts, an eager stream"},
	{"lazy allocations", "allocations of both hosts, a lazy stream"},
	{"eager allocations", "allocations of both hosts, an eager stream"},
	{"third allocations", "allocations of both hosts, third proposal"},
	{"lazy system calls", "reads and writes of both hosts, a lazy stream"},
	{"eager system calls", "reads and writes of both hosts, an eager stream"},
	{"lazy bytes", "bytes written by both hosts, a lazy stream"},
	{"eager bytes", "bytes written by both hosts, an eager stream"},
	{"eager NewStream p50 µs", "`NewStream`, eager, median, µs"},
	{"eager NewStream p99 µs", "`NewStream`, eager, p99, µs"},
	{"third NewStream p50 µs", "`NewStream`, third proposal, median, µs"},
	{"lazy NewStream p50 µs", "`NewStream`, lazy, median, µs"},
	{"lazy NewStream p99 µs", "`NewStream`, lazy, p99, µs"},
	{"lazy reply p50 µs", "`NewStream` to the reply, lazy, median, µs"},
	{"lazy reply p99 µs", "`NewStream` to the reply, lazy, p99, µs"},
	{"silent Close p50 µs", "`Close`, silent peer, median, µs"},
	{"silent Close p99 µs", "`Close`, silent peer, p99, µs"},
}

// row is one line of a table.
type row struct{ Title, Theirs, Ours, Ratio string }

func table(theirs, ours samples) (rows []row) {
	for _, l := range lines {
		a, b := median(theirs[l.figure]), median(ours[l.figure])
		if a < 1 && b < 1 {
			continue // not counted on this transport
		}
		rows = append(rows, row{l.title, spread(theirs[l.figure]), spread(ours[l.figure]), fmt.Sprintf("%.2f", b/a)})
	}
	return rows
}

// pairedTable is the table of the processor time. Its ratio is the median of those of the pairs.
func pairedTable(sides []side, ratios map[string]samples) (rows []row) {
	titles := map[string]string{"lazy": "lazy", "eager": "eager", "third": "third proposal agreed on"}
	names := map[string]string{"tcp": "TCP, TLS, yamux", "noise": "TCP, noise, yamux", "quic": "QUIC"}
	for _, transport := range transports {
		for _, kind := range kinds {
			figure := kind + " paired µs"
			r := ratios[transport][kind]
			rows = append(rows, row{
				names[transport] + ": " + titles[kind], spread(sides[0].by[transport][figure]), spread(sides[1].by[transport][figure]),
				fmt.Sprintf("%.2f (%.2f to %.2f)", median(r), slices.Min(r), slices.Max(r)),
			})
		}
	}
	return rows
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

// spread is the median, and the smallest and the largest value.
func spread(values []float64) string {
	number := func(v float64) string {
		if v < 100 {
			return fmt.Sprintf("%.1f", v)
		}
		return fmt.Sprintf("%.0f", v)
	}
	if len(values) == 1 {
		return number(values[0])
	}
	return fmt.Sprintf("%s (%s to %s)", number(median(values)), number(slices.Min(values)), number(slices.Max(values)))
}

func write(out string, sides []side, rounds int, load string, ratios map[string]samples) error {
	t, err := template.New("").Parse(document)
	if err != nil {
		return err
	}
	data := struct {
		Rounds     int
		Go, CPU    string
		CPUs       int
		TCP, QUIC  []row
		Paired     []row
		Pairs      int
		Batches    int
		BatchSize  int
		Load       string
		LibVersion string
	}{
		rounds, runtime.Version(), cpu(), runtime.NumCPU(),
		table(sides[0].by["tcp"], sides[1].by["tcp"]), table(sides[0].by["quic"], sides[1].by["quic"]),
		pairedTable(sides, ratios), pairs, batches, batchSize, load, version(),
	}
	var b strings.Builder
	if err := t.Execute(&b, data); err != nil {
		return err
	}
	return os.WriteFile(filepath.Clean(out), []byte(b.String()), 0o666)
}

// cpu returns what Linux calls the processor.
func cpu() string {
	content, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(content)) {
		if name, value, _ := strings.Cut(line, ":"); strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}

func version() string {
	out, _ := exec.Command("go", "list", "-m", "-f", "{{.Version}}", "github.com/libp2p/go-libp2p").Output()
	return strings.TrimSpace(string(out))
}
