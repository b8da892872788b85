package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestFirstCommand(t *testing.T) {
	for _, tt := range []struct{ readme, want string }{
		{"Text: go run .\n\n    $ ls\n    $ printf hello | go run ./a\n    hello\n    go run ./b\n", "printf hello | go run ./a"},
		{"# T\n\n    go run ./b -v\n", "go run ./b -v"},
		{"go run ./b\n", ""},
	} {
		got, err := firstCommand(tt.readme)
		if got != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("%q: %q, %v, want %q", tt.readme, got, err, tt.want)
		}
	}
}

func TestBuildEnvironment(t *testing.T) {
	for _, tt := range []struct{ readme, want string }{
		{"`go build -o mss ./cmd/mss` builds it", ""},
		{"    $ CGO_ENABLED=0 go install ./cmd/mss  # static\n    go install ./cmd/mss\n", "CGO_ENABLED=0 "},
		{"    A=b C_D=e go build -o mss ./cmd/mss", "A=b C_D=e "},
	} {
		if got, err := buildEnvironment(tt.readme); got != tt.want || err != nil {
			t.Errorf("%q: %q, %v, want %q", tt.readme, got, err, tt.want)
		}
	}
	if _, err := buildEnvironment("go install ./cmd/mssx"); err == nil {
		t.Error("another command is taken for the one that builds mss")
	}
}

// The first command of README needs no module but its own: it runs without a proxy.
func TestFirstCommandOffline(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	first, err := firstCommand(string(readme))
	if err != nil {
		t.Fatal(err)
	}
	_, program, ok := strings.Cut(first, "go run ")
	if !ok {
		t.Fatalf("%s: it must end with a package", first)
	}
	cmd := exec.Command("go", "list", "-deps", program)
	cmd.Dir = filepath.Join("..", "..")
	cmd.Env = append(os.Environ(), "GOWORK=", "GOPROXY=off", "GOFLAGS=", "GOMODCACHE="+t.TempDir())
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%s", first, err, out)
	}
}

func TestArchives(t *testing.T) {
	cache := t.TempDir()
	if sum, err := archives(cache); sum != 0 || err != nil {
		t.Errorf("an empty cache has %d bytes, %v", sum, err)
	}
	folder := filepath.Join(cache, "cache", "download", "example.org", "a", "@v")
	if err := os.MkdirAll(folder, 0o777); err != nil {
		t.Fatal(err)
	}
	for name, size := range map[string]int{"v1.0.0.zip": 100, "v1.1.0.zip": 20, "v1.0.0.mod": 7, "v1.0.0.ziphash": 3} {
		if err := os.WriteFile(filepath.Join(folder, name), make([]byte, size), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if sum, err := archives(cache); sum != 120 || err != nil {
		t.Errorf("the archives have %d bytes, %v, want 120", sum, err)
	}
}

func TestMedian(t *testing.T) {
	for _, tt := range []struct {
		values []int
		want   int
	}{{[]int{7}, 7}, {[]int{9, 1, 5}, 5}, {[]int{4, 1, 3, 2}, 3}} {
		if got := median(tt.values); got != tt.want {
			t.Errorf("the median of %v is %d, want %d", tt.values, got, tt.want)
		}
	}
}

func TestTable(t *testing.T) {
	base := figures{100 * time.Second, 90 * time.Second, 35e6, 35e6, 27e6, 10 * time.Millisecond}
	kept := figures{20 * time.Second, 70 * time.Second, 0, 14e6, 19e6, 6 * time.Millisecond}
	var b bytes.Buffer
	if missed := writeTable(&b, "abc", newRows(base, kept)); missed != 0 {
		t.Errorf("%d targets are missed:\n%s", missed, b.String())
	}
	const line = "| building mss, downloaded | 35.0 MB | 14.0 MB | 0.40 | ≤ 0.45 |\n"
	if !strings.Contains(b.String(), line) {
		t.Errorf("the table is\n%swithout\n%s", b.String(), line)
	}
	// Each row fails by itself. A base of zero is no measurement.
	for i, head := range []figures{
		{31 * time.Second, 1, 0, 1, 1, 1},
		{1, 1, 1, 1, 1, 1},
		{1, 79 * time.Second, 0, 1, 1, 1},
		{1, 1, 0, 16e6, 1, 1},
		{1, 1, 0, 1, 22e6, 1},
		{1, 1, 0, 1, 1, 7 * time.Millisecond},
	} {
		rows := newRows(base, head)
		if n := writeTable(&b, "abc", rows); n != 1 || !rows[i].missed() {
			t.Errorf("%+v misses %d targets, want the one of row %d", rows, n, i)
		}
	}
	if n := writeTable(&b, "abc", newRows(figures{}, kept)); n != 6 {
		t.Errorf("without a base %d targets are missed, want all", n)
	}
}
