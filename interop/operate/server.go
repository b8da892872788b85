package main

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// server is a running mss serve.
type server struct {
	cmd   *exec.Cmd
	addr  string
	url   string // of the metrics
	log   *log
	usage string // of descriptors and memory, at the end of the load
}

func start(mss, listen string) (*server, error) {
	s := &server{log: &log{metrics: make(chan string, 1)}}
	s.cmd = exec.Command(mss, "serve", "--listen", listen, "--metrics", "127.0.0.1:0",
		"/echo/1.0.0=echo", "/time/1.0.0=time", "/down/1.0.0=tcp:127.0.0.1:1", "/fails/1.0.0=exec:echo partial; exit 3")
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	stderr, err := s.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	s.log.reading.Go(func() { s.log.read(stderr) })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return nil, err
	}
	s.addr = strings.TrimPrefix(strings.TrimSpace(line), "listening ")
	s.url = <-s.log.metrics
	return s, nil
}

// scrape returns the metrics without labels that are not 0.
func (s *server) scrape() (map[string]float64, error) {
	response, err := http.Get(s.url)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	all := make(map[string]float64)
	for lines := bufio.NewScanner(response.Body); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), " ")
		v, err := strconv.ParseFloat(value, 64)
		if err == nil && v != 0 && (strings.HasPrefix(name, "mss_") || name == "go_goroutines") && !strings.Contains(name, "{") {
			all[name] = v
		}
	}
	return all, nil
}

// rest waits until no connection is left, and the goroutines are about as many as before.
func (s *server) rest(before map[string]float64) (after map[string]float64, err error) {
	s.usage = "at the end of the load " + s.used()
	for until := time.Now().Add(time.Minute); time.Now().Before(until); time.Sleep(100 * time.Millisecond) {
		if after, err = s.scrape(); err != nil {
			return nil, err
		}
		if after["mss_connections_active"]+after["mss_connections_half_open"]+after["mss_links"] == 0 &&
			after["go_goroutines"] <= before["go_goroutines"]+4 { // of the scrape's own connection
			s.usage += "; after it " + s.used()
			return after, nil
		}
	}
	return after, fmt.Errorf("a minute after the load: %v", after)
}

// used returns the descriptors and the memory of the process.
func (s *server) used() string {
	folder := fmt.Sprintf("/proc/%d", s.cmd.Process.Pid)
	files, _ := os.ReadDir(folder + "/fd")
	status, _ := os.ReadFile(folder + "/status")
	_, memory, _ := strings.Cut(string(status), "VmRSS:")
	memory, _, _ = strings.Cut(memory, "\n")
	return fmt.Sprintf("%d descriptors, %s", len(files), strings.TrimSpace(memory))
}

// stop sends SIGTERM, after which the server must exit with 0.
func (s *server) stop() (took time.Duration, err error) {
	began := time.Now()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return 0, err
	}
	s.log.reading.Wait()
	err = s.cmd.Wait()
	return time.Since(began), err
}

// log collects the log of a server.
type log struct {
	reading sync.WaitGroup
	metrics chan string
	lines   []string
}

func (l *log) read(r io.Reader) {
	for lines := bufio.NewScanner(r); lines.Scan(); {
		if url, ok := strings.CutPrefix(lines.Text(), "metrics "); ok {
			l.metrics <- url
			continue
		}
		l.lines = append(l.lines, lines.Text())
	}
}

var (
	stamped = regexp.MustCompile(`^(mss: )?\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z `)
	varying = regexp.MustCompile(`\d+(\.\d+)?[mµ]?s\b|sha256:\S+|127\.0\.0\.1:\d+|/p2p/\w+|#\d+|client \d+`)
)

// kinds returns the lines without what differs from client to client, with their numbers.
func (l *log) kinds() string {
	counts := make(map[string]int)
	for _, line := range l.lines {
		counts[varying.ReplaceAllString(stamped.ReplaceAllString(line, ""), "…")]++
	}
	var b strings.Builder
	for _, text := range slices.Sorted(maps.Keys(counts)) {
		fmt.Fprintf(&b, "\n    %5d %.150s", counts[text], text)
	}
	return b.String()
}

// check expects that lines have times, apart from those of the start and those that continue
// another one, and that none tells of a panic.
func (l *log) check() error {
	for _, line := range l.lines {
		if strings.Contains(line, "panic") {
			return fmt.Errorf("log: %q", line)
		}
		if !stamped.MatchString(line) && !strings.HasPrefix(line, " ") && !strings.HasPrefix(line, "certificate ") {
			return fmt.Errorf("log without a time: %q", line)
		}
	}
	return nil
}
