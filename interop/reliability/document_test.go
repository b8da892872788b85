package reliability

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var rewrite = flag.Bool("write", false, "write the table of docs/reliability.md")

var document = filepath.Join("..", "..", "docs", "reliability.md")

const (
	tableBegins = "<!-- The table is written by TestDocument -write, and each of its cells is what a scene saw. -->\n"
	tableEnds   = "<!-- Here it ends. -->\n"
)

// The document says what the scenes say, of the version that they run.
func TestDocument(t *testing.T) {
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), tableBegins)
	_, after, ends := strings.Cut(rest, tableEnds)
	if !ok || !ends {
		t.Fatalf("%s has no place for the table", document)
	}
	want := before + tableBegins + table(t) + tableEnds + after
	switch {
	case want == string(text):
	case *rewrite:
		if err := os.WriteFile(document, []byte(want), 0o666); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("the table of %s is not that of wounds_test.go; go test . -run TestDocument -write", document)
	}
	root := filepath.Join("..", "..")
	folders := []string{"..", filepath.Join("..", "bench"), filepath.Join("..", "libp2p"), ".", root, filepath.Join(root, "wire")}
	for _, below := range []string{"*", filepath.Join("*", "*")} {
		tests, err := filepath.Glob(filepath.Join(root, "internal", below, "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, test := range tests {
			folders = append(folders, filepath.Dir(test))
		}
	}
	known := testsOf(t, slices.Compact(folders)...)
	for _, name := range regexp.MustCompile(`\b(Test|Fuzz)[A-Z]\w*`).FindAllString(want, -1) {
		if !known[name] {
			t.Errorf("there is no %s", name)
		}
	}
}

func table(t *testing.T) string {
	t.Helper()
	module, err := os.ReadFile(filepath.Join("..", "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	version := regexp.MustCompile(`/go-multistream (v\S+)`).FindSubmatch(module)
	if version == nil {
		t.Fatal("go.mod does not require go-multistream")
	}
	var b strings.Builder
	fmt.Fprintf(&b, "| | what goes wrong | reported in | go-multistream %s | ours | more tests |\n|---|---|---|---|---|---|\n", version[1])
	for _, w := range wounds {
		also := ""
		if w.also != "" {
			also = "`" + w.also + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s | %s |\n",
			w.id, w.name, links(t, w.threads), cell(w.theirs), cell(w.ours), also)
	}
	return b.String()
}

func cell(s string) string { return strings.NewReplacer("|", `\|`, `\`, `\\`, "<", `\<`).Replace(s) }

// repositories are the short names of the trackers.
var repositories = map[string]string{
	"go-ms": "multiformats/go-multistream", "go-libp2p": "libp2p/go-libp2p", "boxo": "ipfs/boxo", "kubo": "ipfs/kubo",
	"nim": "vacp2p/nim-libp2p", "rust": "libp2p/rust-libp2p", "js": "libp2p/js-libp2p", "py": "libp2p/py-libp2p",
	"specs": "libp2p/specs", "litep2p": "paritytech/litep2p", "polkadot-sdk": "paritytech/polkadot-sdk",
	"go-graphsync": "ipfs/go-graphsync", "lotus": "filecoin-project/lotus", "eth-p2p-z": "zen-eth/eth-p2p-z",
	"tari": "tari-project/tari", "KwaaiNet": "Kwaai-AI-Lab/KwaaiNet",
}

// links makes links of thread names; what is not one stays as it is.
func links(t *testing.T, threads string) string {
	t.Helper()
	list := strings.Split(threads, ", ")
	for i, thread := range list {
		repository, number, ok := strings.Cut(thread, "#")
		if !ok {
			continue
		}
		full, ok := repositories[repository]
		if !ok {
			t.Errorf("which repository is %s?", repository)
		}
		list[i] = fmt.Sprintf("[%s](https://github.com/%s/issues/%s)", thread, full, number)
	}
	return strings.Join(list, ", ")
}

// testsOf returns the names of all tests in some folders.
func testsOf(t *testing.T, folders ...string) map[string]bool {
	t.Helper()
	known := make(map[string]bool)
	for _, folder := range folders {
		files, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
		if err != nil || len(files) == 0 {
			t.Errorf("%s: %v", folder, err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`).FindAllSubmatch(text, -1) {
				known[string(m[1])] = true
			}
		}
	}
	return known
}
