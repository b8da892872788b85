package interop

import (
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	multistream "github.com/multiformats/go-multistream"
	"github.com/multiselect/multiselect/internal/streamtest"
)

// serveTheirs is a go-multistream server that echoes. It returns its address.
func serveTheirs(t *testing.T, speaks ...string) string {
	t.Helper()
	l := streamtest.Listen(t, "tcp")
	s := newService(speaks)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				s.theirs.Handle(&visit{Conn: patient(conn), answer: func(s *stream) error {
					_, err := io.Copy(s, s)
					return err
				}})
			}()
		}
	}()
	return l.Addr().String()
}

// mss dial, ls and probe as a user runs them, against go-multistream.
var mssInitiates = []struct {
	name       string
	speaks     []string
	args       []string // --to ADDR is added
	code       int
	stdout     string // "hello" is what standard input holds
	transcript string
}{
	{
		"dial", names("/echo/1.0.0"), names("dial", "-v", "/echo/1.0.0"), 0, "hello", `
			> /multistream/1.0.0
			> /echo/1.0.0
			< /multistream/1.0.0
			< /echo/1.0.0
		`,
	},
	{
		"dial the third", names("/echo/1.0.0"), names("dial", "-v", "/echo/3.0.0", "/echo/2.0.0", "/echo/1.0.0"), 0, "hello", `
			> /multistream/1.0.0
			> /echo/3.0.0
			< /multistream/1.0.0
			< na
			> /echo/2.0.0
			< na
			> /echo/1.0.0
			< /echo/1.0.0
		`,
	},
	{
		"dial in vain", names("/echo/1.0.0"), names("dial", "-v", "/x", "/y"), 7, "", `
			> /multistream/1.0.0
			> /x
			< /multistream/1.0.0
			< na
			> /y
			< na
			> ls # to be able to explain
			< na
		`,
	},
	{
		"dial a name without a slash", names("svc/raw"), names("dial", "-v", "svc/raw"), 0, "hello", `
			> /multistream/1.0.0
			> svc/raw
			< /multistream/1.0.0
			< svc/raw
		`,
	},
	{
		"dial names that are quoted", names("/\xff b "), names("dial", "-v", " /a", "/\xff b "), 0, "hello", `
			> /multistream/1.0.0
			> " /a"
			< /multistream/1.0.0
			< na
			> "/\xff b "
			< "/\xff b "
		`,
	},
	{
		"dial a name of 1000 bytes", names(long(1000)), names("dial", "-v", long(1000)), 0, "hello", `
			> /multistream/1.0.0
			> ` + long(1000) + `
			< /multistream/1.0.0
			< ` + long(1000) + `
		`,
	},
	{
		"ls", names("/echo/1.0.0"), names("ls", "-v"), 7, "", `
			> /multistream/1.0.0
			> ls
			< /multistream/1.0.0
			< na
		`,
	},
	{
		"probe", names("/a", "/c"), names("probe", "-v", "/a", "/b", "/c"), 1, "/a yes\n/b no\n/c yes\n", `
			> /multistream/1.0.0
			> /a
			< /multistream/1.0.0
			< /a
			# another connection
			> /multistream/1.0.0
			> /b
			< /multistream/1.0.0
			< na
			> /c
			< /c
		`,
	},
	{
		"probe what is there", names("/a"), names("probe", "-v", "/a"), 0, "/a yes\n", `
			> /multistream/1.0.0
			> /a
			< /multistream/1.0.0
			< /a
		`,
	},
}

func TestMSSInitiates(t *testing.T) {
	t.Parallel()
	for _, tc := range mssInitiates {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			args := slices.Insert(slices.Clone(tc.args), 1, "--to", serveTheirs(t, tc.speaks...))
			got := runMSS(t, "hello", args...)
			if got.code != tc.code || got.stdout != tc.stdout {
				t.Errorf("exit code %d, standard output %q; want %d, %q\n%s", got.code, got.stdout, tc.code, tc.stdout, got.stderr)
			}
			if said, want := conversation(t, got.stderr), conversation(t, tc.transcript); said != want {
				t.Errorf("the transcript is\n%swant\n%s", said, want)
			}
			if failed := got.code == 7; failed != strings.Contains(got.stderr, "mss: ") {
				t.Errorf("standard error of a run with exit code %d:\n%s", got.code, got.stderr)
			}
		})
	}
}

// Without -v a good run has nothing to say, and megabytes pass as they are.
func TestMSSDialsQuietly(t *testing.T) {
	t.Parallel()
	large := strings.Repeat("0123456\n", 1<<17)
	got := runMSS(t, large, "dial", "--to", serveTheirs(t, "/echo/1.0.0"), "/echo/1.0.0")
	if got.code != 0 || got.stdout != large || got.stderr != "" {
		t.Errorf("exit code %d, %d of %d bytes, standard error %q", got.code, len(got.stdout), len(large), got.stderr)
	}
}

func TestMSSDialJSON(t *testing.T) {
	t.Parallel()
	got := runMSS(t, "hello", "dial", "--json", "--timeout", "5s", "--to", serveTheirs(t, "/b"), "/a", "/b")
	var document struct {
		Protocol   string
		Refused    []string
		Transcript []string
		ExitCode   *int `json:"exit_code"`
	}
	if err := json.Unmarshal([]byte(got.stderr), &document); err != nil {
		t.Fatalf("%v in\n%s", err, got.stderr)
	}
	const want = `
		> /multistream/1.0.0
		> /a
		< /multistream/1.0.0
		< na
		> /b
		< /b
	`
	said := conversation(t, strings.Join(document.Transcript, "\n"))
	if got.code != 0 || got.stdout != "hello" || said != conversation(t, want) || document.Protocol != "/b" ||
		!slices.Equal(document.Refused, names("/a")) || document.ExitCode == nil || *document.ExitCode != 0 {
		t.Errorf("exit code %d, standard output %q and\n%s", got.code, got.stdout, got.stderr)
	}
}

// Two initiators: each takes what the other proposes for an answer, and a wrong
// one. (Had both proposed the same, neither could tell.)
func TestMSSDialsAnInitiator(t *testing.T) {
	t.Parallel()
	l := streamtest.Listen(t, "tcp")
	defer l.Close()
	theirs := make(chan error, 1)
	go func() {
		conn, err := l.Accept()
		if err == nil {
			_, err = multistream.SelectOneOf(names("/b"), patient(conn))
			conn.Close()
		}
		theirs <- err
	}()
	got := runMSS(t, "", "dial", "-v", "--to", l.Addr().String(), "/a")
	const want = `
		> /multistream/1.0.0
		> /a
		< /multistream/1.0.0
		< /b
	`
	if said := conversation(t, got.stderr); got.code != 5 || said != conversation(t, want) {
		t.Errorf("exit code %d, want 5\n%s", got.code, got.stderr)
	}
	unrecognized := multistream.ErrUnrecognizedResponse[string]{Expected: "/b", Actual: "/a"}
	if err := <-theirs; !errors.Is(err, unrecognized) {
		t.Errorf("the other initiator says %v", err)
	}
}
