package main

import (
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"mss": main})
}

// TestScripts runs testdata/script/*.txtar with this binary as mss. In addition to
// the commands of testscript they have
//
//	peer VAR FILE...         a scripted responder; see scriptedPeer
//	client ADDR FILE         a scripted initiator
//	hold ADDR FILE           the same; its connection stays open until the script ends
//	serve VAR ARG...         mss serve in the background; VAR is its address
//	terminate                SIGTERM for it: it must exit 0; its
//	                         standard error goes to the file "log"
//	json FILE                it must be one JSON document
//	jsonlines FILE           each line of it must be a JSON document
//	stale FILE               a socket file that nobody listens on
//	multiaddr VAR ADDR [ID]  the multiaddr ADDR, with another peer or none
//	peerid VAR ADDR          the identity in a multiaddr
//	hostport VAR ADDR        the host:port of an address
//	message FILE             standard error must be FILE, but for ports
//	libp2p VAR HOST:PORT     the multiaddr of a host:port
//	web VAR                  a web server
//	limited VAR              a yamux server that is full, and says so
//	scrape LOG FILE COUNT    the sorted metrics of the server of this log, after COUNT negotiations;
//	                         those of its state in FILE.state
//	await LOG PATTERN        wait until the metrics of the server of this log have such a line
//	logged LOG PATTERN       wait until this log has such a line
//	fingerprint VAR FILE     what serve has printed about its certificate
//	certificate HOST CERT KEY  files for --cert and --key
//	exits CODE [<D] ARG...   mss, with this exit code; with D (and no standard
//	                         input), one of ten runs within this time
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("GORACE", quickExit)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"peer":        cmdPeer,
			"client":      cmdClient,
			"hold":        cmdHold,
			"await":       cmdAwait,
			"logged":      cmdLogged,
			"serve":       cmdServe,
			"terminate":   cmdTerminate,
			"exits":       cmdExits,
			"stale":       cmdStale,
			"json":        cmdJSON,
			"jsonlines":   cmdJSONLines,
			"multiaddr":   cmdMultiaddr,
			"message":     cmdMessage,
			"libp2p":      cmdLibp2p,
			"web":         cmdWeb,
			"limited":     cmdLimited,
			"hostport":    cmdHostPort,
			"peerid":      cmdPeerID,
			"scrape":      cmdScrape,
			"fingerprint": cmdFingerprint,
			"certificate": cmdCertificate,
		},
	})
}

// quickExit spares each mss the second that the race detector waits at its end.
const quickExit = "atexit_sleep_ms=0"
