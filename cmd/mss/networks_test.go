package main

import (
	"crypto/x509"
	"encoding/pem"
	"io"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/multiselect/multiselect/internal/streamtest"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/multiselect/multiselect/cmd/mss/internal/address"
)

// cmdMultiaddr sets VAR to a multiaddr with another peer, or with none.
func cmdMultiaddr(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: multiaddr VAR MULTIADDR [ID]")
	}
	bare, _, _ := strings.Cut(args[1], "/p2p/")
	if len(args) > 2 {
		bare += "/p2p/" + args[2]
	}
	ts.Setenv(args[0], bare)
}

// cmdPeerID sets VAR to the identity that a multiaddr names.
func cmdPeerID(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: peerid VAR MULTIADDR")
	}
	a, err := address.Parse(args[1])
	ts.Check(err)
	ts.Setenv(args[0], a.ID.String())
}

// cmdHostPort sets VAR to the socket of an address.
func cmdHostPort(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: hostport VAR ADDR")
	}
	a, err := address.Parse(args[1])
	ts.Check(err)
	ts.Setenv(args[0], a.Where)
}

// cmdFingerprint sets VAR to the fingerprint that a server has printed.
func cmdFingerprint(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: fingerprint VAR FILE")
	}
	found := regexp.MustCompile(`(?m)^certificate (sha256:[0-9a-f]{64})$`).FindStringSubmatch(ts.ReadFile(args[1]))
	if found == nil {
		ts.Fatalf("no fingerprint in %s", args[1])
	}
	ts.Setenv(args[0], found[1])
}

// cmdCertificate makes a certificate that signs itself.
func cmdCertificate(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: certificate HOST CERT KEY")
	}
	server, _, err := streamtest.SelfSigned()
	ts.Check(err)
	made := server.Certificates[0]
	ts.Check(made.Leaf.VerifyHostname(args[0]))
	key, err := x509.MarshalPKCS8PrivateKey(made.PrivateKey)
	ts.Check(err)
	for _, file := range []struct {
		name, kind string
		der        []byte
	}{{args[1], "CERTIFICATE", made.Certificate[0]}, {args[2], "PRIVATE KEY", key}} {
		text := pem.EncodeToMemory(&pem.Block{Type: file.kind, Bytes: file.der})
		ts.Check(os.WriteFile(ts.MkAbs(file.name), text, 0o600))
	}
}

// cmdScrape writes the metrics of a server, whose log has their URL, to FILE when they
// are those of COUNT negotiations: a server counts them after the client has ended. The
// lines are sorted, and values that depend on time are "-".
func cmdScrape(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: scrape LOG FILE COUNT")
	}
	counted := regexp.MustCompile(`(?m)^multiselect_negotiation_bytes_count{multiselect_direction="received".*} (\d+)$`)
	page := awaitPage(ts, args[0], func(page string) bool {
		count := counted.FindStringSubmatch(page)
		return count == nil && args[2] == "0" || count != nil && count[1] == args[2]
	})
	negotiations, state := sortedMetrics(ts, page)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), negotiations, 0o600))
	ts.Check(os.WriteFile(ts.MkAbs(args[1]+".state"), state, 0o600))
}

// cmdAwait waits until a line of the metrics matches a pattern.
func cmdAwait(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: await LOG PATTERN")
	}
	awaitPage(ts, args[0], regexp.MustCompile("(?m)"+args[1]).MatchString)
}

// cmdLogged waits until a line of a log matches a pattern: a server logs the end of a
// connection after the client has closed it.
func cmdLogged(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: logged LOG PATTERN")
	}
	pattern := regexp.MustCompile("(?m)" + args[1])
	for end := time.Now().Add(patience); !pattern.MatchString(ts.ReadFile(args[0])); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			ts.Fatalf("%s has no line like %s", args[0], args[1])
		}
	}
}

// awaitPage returns the metrics of the server of a log when they are as wanted.
func awaitPage(ts *testscript.TestScript, log string, isWanted func(page string) bool) string {
	found := regexp.MustCompile(`(?m)^metrics (http://\S+)$`).FindStringSubmatch(ts.ReadFile(log))
	if found == nil {
		ts.Fatalf("no metrics in %s", log)
	}
	for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		answer, err := http.Get(found[1])
		ts.Check(err)
		page, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		ts.Check(err)
		if isWanted(string(page)) {
			return string(page)
		}
		if time.Now().After(end) {
			ts.Fatalf("the metrics stay\n%s", page)
		}
	}
}

var timed = regexp.MustCompile(`(?m)(_seconds_(?:sum|bucket.*le="[\d.]+").*) .*$`)

var ofState = regexp.MustCompile(`^(# (HELP|TYPE) )?(mss|go|process)_`)

// sortedMetrics returns the lines of a page in order, without durations: those of the
// negotiations, and those of the state of the server. The series of a metric must follow its
// description and its type.
func sortedMetrics(ts *testscript.TestScript, page string) (negotiations, state []byte) {
	lines := strings.SplitAfter(timed.ReplaceAllString(page, "$1 -"), "\n")
	name := ""
	for i, line := range lines {
		if after, ok := strings.CutPrefix(line, "# TYPE "); ok {
			name, _, _ = strings.Cut(after, " ")
			if i == 0 || !strings.HasPrefix(lines[i-1], "# HELP "+name+" ") {
				ts.Fatalf("%s has no description", name)
			}
		} else if line != "" && line[0] != '#' && (name == "" || !strings.HasPrefix(line, name)) {
			ts.Fatalf("after the type of %q: %s", name, line)
		}
	}
	slices.Sort(lines)
	for _, line := range lines {
		if ofState.MatchString(line) {
			state = append(state, line...)
		} else {
			negotiations = append(negotiations, line...)
		}
	}
	return negotiations, state
}
