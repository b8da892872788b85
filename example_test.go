package multiselect_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/multiselect/multiselect"
)

// greet is a handler. It owns the stream.
func greet(_ context.Context, protocol string, stream io.ReadWriteCloser) {
	fmt.Fprintf(stream, "welcome to %s", protocol)
	stream.Close()
}

// serve handles one stream in a goroutine, as a server does.
func serve(m *multiselect.Muxer) (stream net.Conn) {
	here, there := net.Pipe()
	go m.ServeStream(context.Background(), there)
	return here
}

func ExampleClient_SelectOneOf() {
	m, err := multiselect.NewMuxer(map[string]multiselect.Handler{"/chat/1.0.0": greet})
	if err != nil {
		panic(err)
	}
	stream := serve(m)

	var client multiselect.Client
	protocol, err := client.SelectOneOf(context.Background(), stream, "/chat/2.0.0", "/chat/1.0.0")
	if err != nil {
		panic(err)
	}
	greeting, _ := io.ReadAll(stream)
	fmt.Println(protocol)
	fmt.Println(string(greeting))
	// Output:
	// /chat/1.0.0
	// welcome to /chat/1.0.0
}

func ExampleClient_SelectOneOf_refused() {
	var nobody multiselect.Muxer
	var client multiselect.Client
	_, err := client.SelectOneOf(context.Background(), serve(&nobody), "/chat/2.0.0", "/chat/1.0.0")
	fmt.Println(errors.Is(err, multiselect.ErrNotSupported))
	fmt.Println(err)
	// Output:
	// true
	// multiselect: initiator: proposed ["/chat/2.0.0" "/chat/1.0.0"]: not supported by the peer
}

func ExampleClient_Lazy() {
	m, err := multiselect.NewMuxer(map[string]multiselect.Handler{
		"/upper/1.0.0": func(_ context.Context, _ string, stream io.ReadWriteCloser) {
			defer stream.Close()
			request := make([]byte, 6)
			io.ReadFull(stream, request)
			fmt.Fprint(stream, strings.ToUpper(string(request[1:])))
		},
	})
	if err != nil {
		panic(err)
	}

	var client multiselect.Client
	stream, err := client.Lazy(context.Background(), serve(m), "/upper/1.0.0")
	if err != nil {
		panic(err)
	}
	defer stream.Close()
	// Over a network the header, the proposal and the request are one packet.
	fmt.Fprint(stream, "\x05hello")
	reply, err := io.ReadAll(stream)
	fmt.Printf("%s %v\n", reply, err)
	// Output:
	// HELLO <nil>
}

func ExampleClient_Lazy_refused() {
	var nobody multiselect.Muxer
	var client multiselect.Client
	stream, err := client.Lazy(context.Background(), serve(&nobody), "/upper/1.0.0")
	if err != nil {
		panic(err)
	}
	defer stream.Close()
	_, err = stream.Read(make([]byte, 100))
	fmt.Println(errors.Is(err, multiselect.ErrNotSupported), stream.State())
	// Output:
	// true failed
}

func ExampleMuxer_ServeStream() {
	var m multiselect.Muxer
	err := m.AddHandler("/echo/1.0.0", func(_ context.Context, _ string, stream io.ReadWriteCloser) {
		defer stream.Close()
		io.Copy(stream, stream)
	})
	if err != nil {
		panic(err)
	}
	here, there := net.Pipe()
	go func() {
		// An accept loop does this with each stream.
		if err := m.ServeStream(context.Background(), there); err != nil {
			fmt.Println(err)
		}
	}()

	var client multiselect.Client
	if _, err := client.SelectOneOf(context.Background(), here, "/echo/1.0.0"); err != nil {
		panic(err)
	}
	go io.WriteString(here, "hello")
	echo := make([]byte, 5)
	io.ReadFull(here, echo)
	fmt.Println(string(echo))
	// Output: hello
}

func ExampleMuxer_AddMatcher() {
	var m multiselect.Muxer
	for _, matcher := range []multiselect.Matcher{
		multiselect.MatchMajor("/chat/1.2.0"), // any version 1
		multiselect.MatchPrefix("/files/"),
		multiselect.MatchFunc("shouting", func(protocol string) bool { return strings.ToUpper(protocol) == protocol }),
	} {
		if err := m.AddMatcher(matcher, greet); err != nil {
			panic(err)
		}
	}
	var client multiselect.Client
	for _, protocol := range []string{"/chat/1.7", "/chat/2.0.0", "/files/a/b", "/HEY"} {
		_, err := client.SelectOneOf(context.Background(), serve(&m), protocol)
		fmt.Println(protocol, err == nil)
	}
	// Output:
	// /chat/1.7 true
	// /chat/2.0.0 false
	// /files/a/b true
	// /HEY true
}

func ExampleClient_List() {
	m, err := multiselect.NewMuxer(map[string]multiselect.Handler{"/chat/1.0.0": greet, "/echo/1.0.0": greet})
	if err != nil {
		panic(err)
	}
	var client multiselect.Client
	c := multiselect.NewCommunicator(serve(m))
	defer c.Close()
	list, err := client.List(context.Background(), c)
	if errors.Is(err, multiselect.ErrNotSupported) {
		fmt.Println("the peer does not tell")
	}
	for _, protocol := range list.Names {
		fmt.Println(protocol)
	}
	// Output:
	// /chat/1.0.0
	// /echo/1.0.0
}

// The steps of a negotiation, for callers who decide what to propose when they
// know what was refused.
func ExampleCommunicator() {
	m, err := multiselect.NewMuxer(map[string]multiselect.Handler{"/chat/1.0.0": greet})
	if err != nil {
		panic(err)
	}
	ctx := context.Background()
	stream := serve(m)
	c := multiselect.NewCommunicator(stream)

	var client multiselect.Client
	if err := client.Handshake(ctx, c); err != nil {
		panic(err)
	}
	for version := 3; version > 0; version-- {
		protocol := fmt.Sprintf("/chat/%d.0.0", version)
		err := client.TrySelect(ctx, c, protocol)
		fmt.Println(protocol, err == nil)
		if !errors.Is(err, multiselect.ErrNotSupported) {
			break
		}
	}
	greeting, _ := io.ReadAll(stream)
	fmt.Println(string(greeting))
	// Output:
	// /chat/3.0.0 false
	// /chat/2.0.0 false
	// /chat/1.0.0 true
	// welcome to /chat/1.0.0
}

func ExampleWithTrace() {
	m, err := multiselect.NewMuxer(map[string]multiselect.Handler{"/chat/1.0.0": greet})
	if err != nil {
		panic(err)
	}
	ctx := multiselect.WithTrace(context.Background(), &multiselect.Trace{
		Done: func(o multiselect.Outcome) {
			fmt.Printf("%s: %s after %d proposals\n", o.Role, o.Protocol, o.Proposals)
		},
	})
	var client multiselect.Client
	client.SelectOneOf(ctx, serve(m), "/chat/2.0.0", "/chat/1.0.0")
	// Output: initiator: /chat/1.0.0 after 2 proposals
}
