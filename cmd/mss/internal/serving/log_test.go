package serving

import (
	"encoding/json"
	"io"
	"net"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/wire"

	"github.com/multiselect/multiselect/cmd/mss/internal/address"
	"github.com/multiselect/multiselect/cmd/mss/internal/attempt"
	"github.com/multiselect/multiselect/cmd/mss/internal/terminal"
	"github.com/multiselect/multiselect/cmd/mss/internal/transport"
)

var noLimits multiselect.Limits

// loopback reads an address.
func loopback(t *testing.T, where string) address.Address {
	t.Helper()
	a, err := address.Parse(where)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// logged serves /x as an echo to one client and returns what was logged about it, with
// CLIENT for its address and DUR for times.
func logged(t *testing.T, log *Log, talk func(conn transport.Stream)) string {
	t.Helper()
	var b buffer
	log.Stdio = &terminal.Stdio{Err: &b}
	srv, err := New(Config{Routes: EchoRoutes([]string{"/x"}), OneShot: log.oneShot, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	ln := serve(t, srv, "127.0.0.1:0")
	conn, err := net.Dial("tcp", ln.Address.Where)
	if err != nil {
		t.Fatal(err)
	}
	talk(conn.(transport.Stream))
	io.Copy(io.Discard, conn) // so that a Close is no reset
	conn.Close()
	awaitClosed(srv)
	mustFinish(t, srv)
	return timeless(strings.ReplaceAll(b.String(), conn.LocalAddr().String(), "CLIENT"))
}

// awaitClosed waits until the server has seen a connection, and all have ended.
func awaitClosed(srv *Server) {
	for {
		if now := srv.netmux.Stats(); now.Accepted > 0 && now.HalfOpen+now.Active == 0 {
			return
		}
		runtime.Gosched()
	}
}

var (
	moments   = regexp.MustCompile(`\b20\d\d-\d\d-\d\dT[0-9:.]+Z`)
	durations = regexp.MustCompile(`\b[0-9.]+(µs|ms|s)\b|"(elapsed|duration)_ms":[0-9.e-]+`)
)

// timeless replaces times by TIME and durations by DUR.
func timeless(text string) string {
	return durations.ReplaceAllString(moments.ReplaceAllString(text, "TIME"), "DUR")
}

// sends is a client that sends bytes and ends its half.
func sends(text string) func(conn transport.Stream) {
	return func(conn transport.Stream) {
		io.WriteString(conn, text)
		conn.CloseWrite()
	}
}

const unknown = "\x03/y\n"

// A line of the log says why there was no agreement, and what else the client may be.
func TestLog(t *testing.T) {
	const header = wire.HeaderFrame
	for _, c := range []struct{ name, sent, want string }{
		{"an agreement", header + "\x03/x\n", ""},
		{"a test of the port", "", ""},
		{"a list", header + "\x03ls\n", ""},
		{"half a header", header[:5], `mss: TIME CLIENT: it hung up before its header had arrived: it had sent the bytes "\x13/mul"` + "\n"},
		{"half a proposal", header + unknown[:2], `mss: TIME CLIENT: it hung up in the middle of a message: it had sent the bytes "\x03/"` + "\n"},
		{"no proposal", header, "mss: TIME CLIENT: it hung up before it proposed a protocol\n"},
		{"a refusal", header + unknown, "mss: TIME CLIENT: gave up, after refusing /y\n"},
		{"a browser", "GET / HTTP/1.1\r\n", `mss: TIME CLIENT: does not speak multistream-select: it sent the bytes "GET / HTTP/1.1\r\n" (a web client)` + "\n"},
		{"another version", "\x13/multistream/2.0.0\n", `mss: TIME CLIENT: does not speak multistream-select: it sent "/multistream/2.0.0" (another version of multistream-select)` + "\n"},
		{"a terminal's sequence", "\x05\x1b[2J\n", `mss: TIME CLIENT: does not speak multistream-select: it sent "\x1b[2J"` + "\n"},
		{"too much", header + "\xff\x7f", `mss: TIME CLIENT: ended: read: message too large: 16383 bytes announced, 1024 allowed: it sent the bytes "\xff\x7f"` + "\n"},
	} {
		got := logged(t, new(Log), sends(c.sent))
		if got != c.want {
			t.Errorf("%s: logged %q, want %q", c.name, got, c.want)
		}
	}
}

// A server that allows one proposal ends the stream itself.
func TestLogOneShot(t *testing.T) {
	if got, want := logged(t, &Log{oneShot: true}, sends(wire.HeaderFrame+unknown)), "mss: TIME CLIENT: ended, after refusing /y\n"; got != want {
		t.Errorf("logged %q, want %q", got, want)
	}
}

// Verbose logs have the messages, below the address of the client.
func TestLogVerbose(t *testing.T) {
	for sent, want := range map[string]string{
		"\x03/x\n": "# CLIENT, TIME\n> /multistream/1.0.0\n> /x\n< /multistream/1.0.0\n< /x\n# agreed on /x after DUR\n# closed after DUR, 0 bytes received, 0 sent\n",
		"\x03ls\n": "# CLIENT, TIME\n> /multistream/1.0.0\n> ls\n< /multistream/1.0.0\n<\n    /x\n# left after ls\n",
	} {
		if got := logged(t, &Log{Verbose: true}, sends(wire.HeaderFrame+sent)); got != want {
			t.Errorf("logged\n%swant\n%s", got, want)
		}
	}
}

// A log of documents has one for each negotiation, with what was proposed and refused.
func TestLogJSON(t *testing.T) {
	for _, c := range []struct {
		sent              string
		proposed, refused string
		protocol          string
		end               string
		code              int
	}{
		{unknown + "\x03/x\n", "/y /x", "/y", "/x", "", 0},
		{unknown, "/y", "/y", "", "", 6},
		{"\x03ls\n" + unknown + "\x03/x\n", "/y /x", "/y", "/x", "", 0},
		{"\x03ls\n", "", "", "", "fin", 0},
	} {
		got := logged(t, &Log{JSON: true}, sends(wire.HeaderFrame+c.sent))
		document, closed, _ := strings.Cut(got, "\n")
		var r attempt.Report
		if err := json.Unmarshal([]byte(strings.Replace(document, "DUR", `"elapsed_ms":0`, 1)), &r); err != nil {
			t.Fatalf("%v: %s", err, got)
		}
		want := ""
		if c.protocol != "" {
			want = `{"event":"closed","peer":"CLIENT","protocol":"/x","time":"TIME",DUR,"bytes_received":0,"bytes_sent":0}` + "\n"
		}
		if closed != want || r.Time != "TIME" {
			t.Errorf("%q: time %q, closed %q", c.sent, r.Time, closed)
		}
		protocol := ""
		if r.Protocol != nil {
			protocol = *r.Protocol
		}
		if strings.Join(r.Proposed, " ") != c.proposed || strings.Join(r.Refused, " ") != c.refused || protocol != c.protocol ||
			r.Role != "responder" || r.Peer != "CLIENT" || r.End != c.end || r.ExitCode != c.code {
			t.Errorf("%q: %s", c.sent, got)
		}
	}
}

// What a command writes on standard error is an event for each line, or is passed on.
func TestLogStderr(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("needs sh; linux and darwin play it")
	}
	for _, asJSON := range []bool{false, true} {
		var b buffer
		log := &Log{Stdio: &terminal.Stdio{Err: &b}, JSON: asJSON}
		routes, err := ParseRoutes([]string{"/x=exec:echo one >&2; printf two >&2"})
		if err != nil {
			t.Fatal(err)
		}
		srv, err := New(Config{Routes: routes, Log: log})
		if err != nil {
			t.Fatal(err)
		}
		ln := serve(t, srv, "127.0.0.1:0")
		conn, err := net.Dial("tcp", ln.Address.Where)
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, agree(t, conn, "/x"))
		conn.Close()
		awaitClosed(srv)
		want := "one\ntwo"
		if asJSON {
			event := `{"event":"stderr","peer":"` + conn.LocalAddr().String() + `","protocol":"/x","line":"`
			want = event + `one","time":"TIME"}` + "\n" + event + `two","time":"TIME"}` + "\n"
		}
		if got := timeless(b.String()); !strings.Contains(got, want) {
			t.Errorf("JSON %v: logged %q, want %q", asJSON, got, want)
		}
	}
}
