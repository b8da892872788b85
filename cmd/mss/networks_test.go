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
	found := regexp.MustCompile(`(?m)^metrics (http://\S+)$`).FindStringSubmatch(ts.ReadFile(args[0]))
	if found == nil {
		ts.Fatalf("no metrics in %s", args[0])
	}
	counted := regexp.MustCompile(`(?m)^multiselect_negotiation_bytes_count{multiselect_direction="received".*} (\d+)$`)
	for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		answer, err := http.Get(found[1])
		ts.Check(err)
		page, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		ts.Check(err)
		count := counted.FindSubmatch(page)
		if count == nil && args[2] == "0" || count != nil && string(count[1]) == args[2] {
			ts.Check(os.WriteFile(ts.MkAbs(args[1]), sortedMetrics(ts, string(page)), 0o600))
			return
		}
		if time.Now().After(end) {
			ts.Fatalf("not %s negotiations:\n%s", args[2], page)
		}
	}
}

var timed = regexp.MustCompile(`(?m)(_seconds_(?:sum|bucket.*le="[\d.]+").*) .*$`)

// sortedMetrics returns the lines of a page in order, without durations. The series of a
// metric must follow its description and its type.
func sortedMetrics(ts *testscript.TestScript, page string) []byte {
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
	return []byte(strings.Join(lines, ""))
}
