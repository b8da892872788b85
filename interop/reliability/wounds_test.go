package reliability

import (
	"testing"
	"testing/synctest"
)

// wound is something that users of lazy streams suffered from. Its scene says
// what it saw with a library; with which words the two must answer stands beside
// it. A scene that sees something else fails, also when theirs is better than it
// was: then this table has to be changed.
type wound struct {
	id      string // of the sub-test
	threads string // where it was reported, with the short names of trackers
	name    string // what goes wrong
	scene   func(t *testing.T, lib *library) string
	inWall  bool // played over real sockets; the others in fake time
	theirs  string
	ours    string
	also    string // tests of the root module that look at it from more sides
}

var wounds = []wound{
	// How it ends.
	{
		id: "close-silent", threads: "go-libp2p#3448, go-ms#47, boxo#1083, boxo#1142, boxo#1144, kubo#5247, kubo#5258, nim#2940",
		name:   "Close waits for a silent peer",
		scene:  closeSilent,
		theirs: "Close is still blocked after 24h; goroutines left after a day: 2",
		ours:   "Close returns after 0s; goroutines left after a day: 0",
		also:   "TestLazyClose",
	},
	{
		id: "close-unused", threads: "found here",
		name:   "Close of an unused stream waits for a peer that does not read",
		scene:  closeUnused,
		theirs: "Close is still blocked after 24h",
		ours:   "Close returns after 0s",
		also:   "TestLazyRendezvousClose",
	},
	{
		id: "close-during-write", threads: "go-libp2p#3448",
		name:   "Close waits for a Write that is stuck",
		scene:  closeDuringWrite,
		theirs: "Close is still blocked after 24h; the Write never returned",
		ours:   "Close returns after 0s; the Write returned with the count of sent bytes",
		also:   "TestLazyCloseWhileWriting",
	},
	{
		id: "write-only", threads: "go-libp2p#3448, kubo#5258",
		name:   "a goroutine for each stream that is only written to",
		scene:  writeOnly,
		theirs: "50 streams to a silent peer keep 50 goroutines, and 100 a day after Close",
		ours:   "50 streams to a silent peer keep 0 goroutines, and 0 a day after Close",
		also:   "TestLazyWriteAndClose",
	},
	{
		id: "fin-at-once", threads: "rust#4019, litep2p#60, litep2p#62",
		name:   "the end of the request waits for the answer",
		scene:  finAtOnce,
		theirs: "the peer, which answers when it has the whole request, is still blocked after 24h",
		ours:   "the peer, which answers when it has the whole request, returns after 0s",
		also:   "TestLazyClose",
	},
	{
		id: "close-write-unused", threads: "rust#4019, go-ms#52, js#2321",
		name:   "no half-close, or one that overtakes the proposal",
		scene:  closeWriteUnused,
		theirs: `CloseWrite of an unused stream: the peer gets ""`,
		ours:   `CloseWrite of an unused stream: the peer gets "\x13/multistream/1.0.0\n\x03/a\n"`,
		also:   "TestLazyFirstCall",
	},
	{
		id: "stop-sending", threads: "go-libp2p#3038, go-ms#115",
		name:  "STOP_SENDING overtakes the answer",
		scene: stopSending, inWall: true,
		theirs: "QUIC, CloseRead and Close after a Write: a responder that must send its answer drops the request",
		ours:   "QUIC, CloseRead and Close after a Write: a responder that must send its answer serves the request",
		also:   "TestLazyCloseRead",
	},
	{
		id: "stopped-peer", threads: "rust#3144, rust#3164, rust#3281, rust#3343",
		name:  "closing fails although all data was delivered",
		scene: stoppedPeer, inWall: true,
		theirs: "QUIC, the peer stopped reading when it had the request: Close returns it failed; after a Read, it failed",
		ours:   "QUIC, the peer stopped reading when it had the request: Close returns nil; after a Read, it failed",
	},
	{
		id: "reply-unread", threads: "go-ms#87, go-ms#89, go-graphsync#388, kubo#9038, js#2321",
		name:  "Close loses written data",
		scene: replyUnread, inWall: true,
		theirs: "TCP, Write and Close, and the peer has replied before it reads: the request arrives cut short; after a Read of half the reply, cut short",
		ours:   "TCP, Write and Close, and the peer has replied before it reads: the request arrives whole; after a Read of half the reply, cut short",
		also:   "TestLazyWriteAndClose",
	},
	{
		id: "unheard-responder", threads: "go-ms#87, go-ms#89, go-libp2p#3038",
		name:   "a responder drops received data when it cannot answer",
		scene:  unheardResponder,
		theirs: "served; the write error is lost",
		ours:   "served; the write error is recorded",
		also:   "TestLazyFireAndForget",
	},
	{
		id: "refused-stays-open", threads: "nim#2800, nim#2828, nim#3070",
		name:   "a stream that was refused stays open",
		scene:  refusedStaysOpen,
		theirs: "the peer's Read after the refusal is still blocked after 24h",
		ours:   "the peer's Read after the refusal returns after 0s",
		also:   "TestLazyFails",
	},

	// What a refusal is.
	{
		id: "refused-payload", threads: "go-ms#20, specs#643, specs#721, rust#1212, rust#3749, litep2p#554",
		name:   "refused payload reaches another handler",
		scene:  refusedPayload,
		theirs: `/a is refused, /b runs, and reads "DELETE"`,
		ours:   "/a is refused, no handler runs",
		also:   "TestLazyGuarded",
	},
	{
		id: "nested", threads: "go-ms#20, specs#205",
		name:   "a refused layer is left out",
		scene:  nested,
		theirs: `/a was to run inside of /secure, which is refused: /a runs in the clear, and reads "\arequest"`,
		ours:   "/a was to run inside of /secure, which is refused: no handler runs",
		also:   "TestLazyNested",
	},
	{
		id: "refused-writes", threads: "go-ms#20, polkadot-sdk#2771, rust#5074",
		name:   "writes go on after a refusal",
		scene:  refusedWrites,
		theirs: "ErrNotSupported from Read: true, Write: false, Flush: false, Close: false; bytes sent afterwards: 10",
		ours:   "ErrNotSupported from Read: true, Write: true, Flush: true, Close: true; bytes sent afterwards: 0",
		also:   "TestLazyRefusedWhileWriting",
	},
	{
		id: "mismatch", threads: "go-ms#100, js#3210, found here",
		name:   "one failure, several errors",
		scene:  mismatch,
		theirs: "an error with a name for another answer: eager true, lazy false; for another header: eager false, lazy false",
		ours:   "an error with a name for another answer: eager true, lazy true; for another header: eager true, lazy true",
		also:   "TestLazyFails",
	},
	{
		id: "names", threads: "KwaaiNet#107, rust#2420, found here",
		name:   "names with another meaning on the wire",
		scene:  names,
		theirs: "of 12 names that are reserved, too long or trimmed by some responders, 12 are accepted",
		ours:   "of 12 names that are reserved, too long or trimmed by some responders, 0 are accepted",
		also:   "TestLazyNames",
	},

	// Counts and time.
	{
		id: "counts", threads: "rust#1228, found here",
		name:   "Write returns a wrong count",
		scene:  counts,
		theirs: "0 of 64 bytes sent: Write returns 64; 6 of 64 sent: Write returns 64",
		ours:   "0 of 64 bytes sent: Write returns 0; 6 of 64 sent: Write returns 6",
		also:   "TestLazyFaults",
	},
	{
		id: "sticky-read", threads: "go-ms#47, go-ms#48",
		name:   "a read deadline that has passed stays",
		scene:  stickyRead,
		theirs: "cleared, and answered since: Read returns i/o deadline reached",
		ours:   "cleared, and answered since: Read returns reply",
		also:   "TestLazyDeadlineInAnswer",
	},
	{
		id: "sticky-write", threads: "go-ms#47, rust#1228",
		name:   "a write deadline that has passed stays",
		scene:  stickyWrite,
		theirs: "cleared, and the peer reads: it gets 10 bytes of 32",
		ours:   "cleared, and the peer reads: it gets 32 bytes of 32",
		also:   "TestLazyWriteDeadline",
	},
	{
		id: "silent-read", threads: "go-ms#47, go-ms#48, go-libp2p#738, lotus#518",
		name:   "nothing ends the wait for an answer",
		scene:  silentRead,
		theirs: "Read from a silent peer is still blocked after 24h",
		ours:   "Read from a silent peer returns after 10s",
		also:   "TestLazyBudget",
	},
	{
		id: "drip", threads: "py#696, eth-p2p-z#60, tari#5679",
		name:   "a slow peer keeps a stream for hours",
		scene:  drip,
		theirs: "Read from a peer that sends a byte every 9 s returns after 3m36s",
		ours:   "Read from a peer that sends a byte every 9 s returns after 10s",
		also:   "TestLazyBudget",
	},
	{
		id: "methods", threads: "go-ms#79, go-libp2p#736, cmux's README",
		name:   "deadlines, halves and the connection are hidden",
		scene:  methods,
		theirs: "of 11 methods that the stream below has, or that tell the outcome: 0",
		ours:   "of 11 methods that the stream below has, or that tell the outcome: 11",
		also:   "TestLazyOverTCP",
	},

	// Silent peers, resets, and streams that need care.
	{
		id: "blocked-write", threads: "go-libp2p#3448, found here",
		name:   "nothing ends a Write that is blocked while the answer is awaited",
		scene:  blockedWrite,
		theirs: "a Write of 1 MiB to a peer that does not read is still blocked after 24h",
		ours:   "a Write of 1 MiB to a peer that does not read returns after 10.02s",
		also:   "TestLazyBlockedWrite",
	},
	{
		id: "silent-crowd", threads: "found here",
		name:   "a silent peer with 1024 closed streams takes the room of others",
		scene:  silentCrowd,
		theirs: "of 100 requests to another peer, 100 arrive; calls of Close still blocked after 24h: 1024",
		ours:   "of 100 requests to another peer, 100 arrive; calls of Close still blocked after 24h: 0",
		also:   "TestLazyLingerCap",
	},
	{
		id: "reads-first", threads: "found here",
		name:   "a user that reads first sends the proposal alone",
		scene:  readsFirst,
		theirs: "a Read, and then a Write: writes of the stream: 2",
		ours:   "a Read, and then a Write: writes of the stream: 1",
	},
	{
		id: "needs-flush", threads: "found here",
		name:   "a stream that must be flushed sends nothing",
		scene:  needsFlush,
		theirs: "a negotiation on streams that must be flushed is still blocked after 24h",
		ours:   "a negotiation on streams that must be flushed returns after 0s",
	},
	{
		id: "half-request", threads: "found here",
		name:  "half a request looks complete",
		scene: halfRequest, inWall: true,
		theirs: "TCP, half a request and a reset: the handler reads \"half\", and a clean end",
		ours:   "TCP, half a request and a reset: the handler reads \"half\", and the reset",
		also:   "TestResetRequest",
	},
	{
		id: "quic-goodbye", threads: "found here",
		name:  "the end of a QUIC connection is another error",
		scene: quicGoodbye, inWall: true,
		theirs: "the peer closes its connection after a refusal, and the error has a name: over TCP true, over QUIC false",
		ours:   "the peer closes its connection after a refusal, and the error has a name: over TCP true, over QUIC true",
		also:   "TestQUICGoodbye",
	},

	// Healed upstream.
	{
		id: "close-sends-proposal", threads: "go-ms#52",
		name:   "Close of an unused stream sends nothing",
		scene:  closeSendsProposal,
		theirs: `the peer gets "\x13/multistream/1.0.0\n\x03/a\n"`,
		ours:   `the peer gets "\x13/multistream/1.0.0\n\x03/a\n"`,
		also:   "TestLazyFirstCall",
	},
	{
		id: "both-write-first", threads: "go-ms#27, go-ms#29, go-ms#30",
		name:   "both ends write first, and wait",
		scene:  bothWriteFirst,
		theirs: "over net.Pipe, the exchange returns after 0s",
		ours:   "over net.Pipe, the exchange returns after 0s",
		also:   "TestLazyRendezvous",
	},
	{
		id: "read-first", threads: "rust#1629, rust#1781, js#2321",
		name:   "a first Read waits although no proposal was sent",
		scene:  readFirst,
		theirs: "Read returns after 0s",
		ours:   "Read returns after 1ms", // it waits for a Write
		also:   "TestLazyFirstCall",
	},
}

func TestWounds(t *testing.T) {
	for _, w := range wounds {
		for _, side := range []struct {
			lib  *library
			want string
		}{{&theirs, w.theirs}, {&ours, w.ours}} {
			t.Run(w.id+"/"+side.lib.name, func(t *testing.T) {
				play := func(t *testing.T) {
					got := w.scene(t, side.lib)
					if t.Log(got); got != side.want {
						t.Errorf("the table says: %s", side.want)
					}
				}
				if w.inWall {
					play(t)
				} else {
					synctest.Test(t, play)
				}
			})
		}
	}
}
