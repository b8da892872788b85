package interop

import (
	"errors"
	"testing"

	multistream "github.com/multiformats/go-multistream"
)

// What go-multistream's initiators hear from mss serve, and what mss serve -v
// shows of it.
var mssResponds = []struct {
	name       string
	initiator  string // one of theirInitiators
	proposes   []string
	agreed     string
	app        application
	transcript string
	logs       string // what mss serve says of the end
}{
	{
		"agreed", "SelectOneOf", names("/echo/1.0.0"), "/echo/1.0.0", ping, `
			> /multistream/1.0.0
			> /echo/1.0.0
			< /multistream/1.0.0
			< /echo/1.0.0
		`, "agreed on /echo/1.0.0",
	},
	{
		"the third", "SelectOneOf", names("/echo/3.0.0", "/echo/2.0.0", "/echo/1.0.0"), "/echo/1.0.0", ping, `
			> /multistream/1.0.0
			> /echo/3.0.0
			< /multistream/1.0.0
			< na
			> /echo/2.0.0
			< na
			> /echo/1.0.0
			< /echo/1.0.0
		`, "agreed on /echo/1.0.0",
	},
	{
		"in vain", "SelectOneOf", names("/x", "/y"), "", ping, `
			> /multistream/1.0.0
			> /x
			< /multistream/1.0.0
			< na
			> /y
			< na
		`, "gave up, after refusing /x, /y",
	},
	{
		"half-close", "SelectOneOf", names("/echo/1.0.0"), "/echo/1.0.0", halfCloseEcho, `
			> /multistream/1.0.0
			> /echo/1.0.0
			< /multistream/1.0.0
			< /echo/1.0.0
		`, "agreed on /echo/1.0.0",
	},
	{
		"early data is not shown", "NewMSSelect", names("/echo/1.0.0"), "/echo/1.0.0", pingLarge, `
			> /multistream/1.0.0
			> /echo/1.0.0
			< /multistream/1.0.0
			< /echo/1.0.0
		`, "agreed on /echo/1.0.0",
	},
	{
		"early data behind a refusal", "NewMSSelect", names("/x"), "", ping, `
			> /multistream/1.0.0
			> /x
			< /multistream/1.0.0
			< na
			>! "ping"
		`, "gave up, after refusing /x",
	},
	{
		"ls", "ls, NewMultistream", names("/echo/2.0.0", "svc raw 10 "), "svc raw 10 ", ping, `
			> /multistream/1.0.0
			< /multistream/1.0.0
			> ls
			<
			    /echo/1.0.0
			    "svc raw 10 "
			> /echo/2.0.0
			< na
			> "svc raw 10 "
			< "svc raw 10 "
		`, `agreed on "svc raw 10 "`,
	},
}

// halfCloseEcho hears what it said when it has ended its half.
var halfCloseEcho = application{ask: func(s *stream) error {
	return inOrder(s.says("hello"), s.closeWrite, s.hears("hello"), s.hearsNothingMore, s.Close)
}}

func TestMSSResponds(t *testing.T) {
	t.Parallel()
	serves := names("/echo/1.0.0", "svc raw 10 ")
	for _, tc := range mssResponds {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			server := serveMSS(t, "-v", "--listen", "127.0.0.1:0", serves[0]+"=echo", serves[1]+"=echo")
			conn := dial(t, server.address)
			defer conn.Close()
			x := exchange{scenario: &scenario{speaks: serves, proposes: tc.proposes, app: tc.app}, from: theirInitiator(t, tc.initiator)}
			protocol, err := x.propose(conn)
			conn.Close()
			switch refused := errors.Is(err, multistream.ErrNotSupported[string]{}); {
			case tc.agreed == "" && !refused:
				t.Errorf("the initiator says %v, want a refusal", err)
			case tc.agreed != "" && (err != nil || protocol != tc.agreed):
				t.Errorf("the initiator agreed on %q and says %v, want %q", protocol, err, tc.agreed)
			}
			server.log.await(t, tc.logs)
			if said, want := conversation(t, server.stop(t)), conversation(t, tc.transcript); said != want {
				t.Errorf("the transcript is\n%swant\n%s", said, want)
			}
		})
	}
}

func theirInitiator(t *testing.T, name string) *initiator {
	for i := range theirInitiators {
		if theirInitiators[i].name == name {
			return &theirInitiators[i]
		}
	}
	t.Fatalf("no initiator is called %q", name)
	return nil
}

// One mss serve for all of them at once.
func TestMSSServesACrowd(t *testing.T) {
	t.Parallel()
	server := serveMSS(t, "/0=echo", "/1=echo")
	x := exchange{scenario: &scenario{speaks: names("/0", "/1")}, from: &theirInitiators[0]}
	outcomes := make(chan error, crowdSize)
	for i := range crowdSize {
		conn := dial(t, server.address)
		defer conn.Close()
		go func() { outcomes <- x.oneOfCrowd(i, conn) }()
	}
	if err := firstError(outcomes, crowdSize); err != nil {
		t.Error(err)
	}
	if log := server.stop(t); log != "" {
		t.Errorf("mss serve says\n%s", log)
	}
}
