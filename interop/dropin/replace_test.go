package dropin

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/module"
	"golang.org/x/mod/zip"
)

// program uses go-multistream with the settings that only the drop-in has, and prints the modules
// it was built with.
const program = `package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"runtime/debug"
	"sync/atomic"

	"github.com/multiformats/go-multistream"
	"github.com/multiformats/go-multistream/config"
)

func main() {
	var negotiations atomic.Int32
	c := config.Default()
	c.Context = func(ctx context.Context) context.Context {
		negotiations.Add(1)
		return ctx
	}
	config.Set(c)
	here, there := net.Pipe()
	mux := multistream.NewMultistreamMuxer[string]()
	mux.AddHandler("/echo/1.0.0", func(_ string, rwc io.ReadWriteCloser) error {
		_, err := io.Copy(rwc, rwc)
		return err
	})
	go mux.Handle(there)
	protocol, err := multistream.SelectOneOf([]string{"/echo/2.0.0", "/echo/1.0.0"}, here)
	if err != nil {
		panic(err)
	}
	go io.WriteString(here, "hello")
	reply := make([]byte, 5)
	io.ReadFull(here, reply)
	fmt.Printf("%s: %s, %d negotiations\n", protocol, reply, negotiations.Load())
	info, _ := debug.ReadBuildInfo()
	for _, dep := range info.Deps {
		if dep.Replace != nil {
			fmt.Println(dep.Path, "=>", dep.Replace.Path)
		}
	}
}
`

// fresh makes a directory with the program and nothing else.
func fresh(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "node")
	if err := os.Mkdir(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	write(t, dir, "main.go", program)
	write(t, dir, "go.mod", "module node\n\ngo 1.26.0\n\nrequire github.com/multiformats/go-multistream v0.6.1\n")
	return dir
}

// readme returns the go mod edit commands of README.md for a way to replace.
func readme(t *testing.T, target string) (args []string) {
	t.Helper()
	for _, m := range regexp.MustCompile(`-replace (\S+)=(\S+)`).FindAllStringSubmatch(read(t, "../../README.md"), -1) {
		if arg := m[1] + "=" + m[2]; strings.Contains(m[2], target) && !slices.Contains(args, arg) {
			args = append(args, "-replace", arg)
		}
	}
	if len(args) == 0 {
		t.Fatalf("README.md has no -replace for %s", target)
	}
	return args
}

// The two lines of README.md, in a fresh directory beside a checkout.
func TestReplaceByCheckout(t *testing.T) {
	dir := fresh(t)
	if err := os.Symlink(checkout(t), filepath.Join(dir, "..", "multiselect")); err != nil {
		t.Fatal(err)
	}
	args := readme(t, "../multiselect")
	if len(args) != 4 {
		t.Errorf("%q; two lines were promised", args)
	}
	mustGo(t, dir, nil, append([]string{"mod", "edit"}, args...)...)
	mustGo(t, dir, nil, "mod", "tidy")
	got := mustGo(t, dir, nil, "run", ".")
	if want := "/echo/1.0.0: hello, 2 negotiations\n" + theirPath + " => ../multiselect/gomultistream\n"; !strings.HasPrefix(got, want) {
		t.Errorf("it says\n%s", got)
	}
}

// One line, with what a module proxy would have: the checkout as a release, served
// from files, and nothing else in reach.
func TestReplaceByRelease(t *testing.T) {
	dir, proxy, cache := fresh(t), t.TempDir(), t.TempDir()
	args := readme(t, ourPath)
	if len(args) != 2 {
		t.Errorf("%q; one line was promised", args)
	}
	_, version, _ := strings.Cut(args[1], "@")
	release(t, proxy, corePath, version, checkout(t))
	face := filepath.Join(t.TempDir(), "gomultistream")
	if err := os.CopyFS(face, os.DirFS(filepath.Join(checkout(t), "gomultistream"))); err != nil {
		t.Fatal(err)
	}
	mustGo(t, face, nil, "mod", "edit", "-dropreplace", corePath, "-require", corePath+"@"+version) // as CONTRIBUTING.md says
	release(t, proxy, ourPath, version, face)

	env := []string{"GOPROXY=file://" + filepath.ToSlash(proxy), "GONOSUMDB=*", "GONOSUMCHECK=1", "GOMODCACHE=" + cache}
	mustGo(t, dir, env, append([]string{"mod", "edit"}, args...)...)
	mustGo(t, dir, env, "mod", "tidy")
	got := mustGo(t, dir, env, "run", ".")
	if want := fmt.Sprintf("/echo/1.0.0: hello, 2 negotiations\n%s => %s\n", theirPath, ourPath); !strings.HasSuffix(got, want) {
		t.Errorf("it says\n%s", got)
	}
}

// release puts a directory into a proxy as a version of a module.
func release(t *testing.T, proxy, path, version, dir string) {
	t.Helper()
	folder := filepath.Join(proxy, filepath.FromSlash(path), "@v")
	if err := os.MkdirAll(folder, 0o777); err != nil {
		t.Fatal(err)
	}
	write(t, folder, "list", version+"\n")
	write(t, folder, version+".info", fmt.Sprintf(`{"Version":%q,"Time":"2026-11-25T00:00:00Z"}`, version))
	write(t, folder, version+".mod", read(t, filepath.Join(dir, "go.mod")))
	out, err := os.Create(filepath.Join(folder, version+".zip"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	if err := zip.CreateFromDir(out, module.Version{Path: path, Version: version}, dir); err != nil {
		t.Fatal(err)
	}
}
