package browser

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// chromium returns the path of the browser.
func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{os.Getenv("CHROMIUM"), "chromium", "chromium-browser", "google-chrome"} {
		if name == "" {
			continue
		}
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("CI") != "" {
		t.Fatal("there is no chromium, and CI is set: apt-get install chromium")
	}
	t.Skip("there is no chromium (apt-get install chromium, or set CHROMIUM)")
	return ""
}

// dump returns the document at the address, as it is when its scripts have run.
func dump(t *testing.T, address string, flags ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	args := slices.Concat([]string{
		"--headless", "--no-sandbox", "--disable-gpu", "--user-data-dir=" + t.TempDir(),
		"--window-size=1280,900", "--virtual-time-budget=20000",
	}, flags, []string{"--dump-dom", address})
	cmd := exec.CommandContext(ctx, chromium(t), args...)
	cmd.WaitDelay = 5 * time.Second
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	dom, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, &stderr)
	}
	return string(dom)
}

// site serves files by their paths, and remembers what was asked for.
type site struct {
	*httptest.Server
	mu    sync.Mutex
	asked []string
}

func serve(t *testing.T, files map[string]string) *site {
	t.Helper()
	s := new(site)
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.asked = append(s.asked, r.URL.Path)
		text, ok := files[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, text)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *site) requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(slices.Values(s.asked))
}

// measured runs a script in a page that has the report in a frame of a given
// width, which headless windows cannot have. The script sees the frame's document
// as d and writes findings with say(…). Measured returns them, and what was asked
// for over the network.
func measured(t *testing.T, page string, width int, script string) (findings, requests []string) {
	t.Helper()
	s := serve(t, map[string]string{"/page": page, "/frame": fmt.Sprintf(`<!DOCTYPE html><link rel="icon" href="data:,">
<iframe src="/page" style="border:0;width:%dpx;height:800px"></iframe><ol id="findings"></ol><script>
const say = text => { const li = document.createElement("li"); li.textContent = text; document.getElementById("findings").append(li) };
const frame = document.querySelector("iframe");
frame.onload = () => { const d = frame.contentDocument; try { %s } catch (e) { say("error: " + e) }; say("done") };
</script>`, width, script)})
	dom := dump(t, s.URL+"/frame")
	_, list, _ := strings.Cut(dom, `<ol id="findings">`)
	list, _, _ = strings.Cut(list, "</ol>")
	for item := range strings.SplitSeq(list, "<li>") {
		if text, _, ok := strings.Cut(item, "</li>"); ok {
			findings = append(findings, text)
		}
	}
	if n := len(findings); n == 0 || findings[n-1] != "done" {
		t.Fatalf("the script did not come to its end: %q", findings)
	}
	return findings[:len(findings)-1], s.requests()
}
