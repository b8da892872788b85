package transcript_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/transcript"
)

func ExampleParse() {
	t, err := transcript.Parse([]byte(`
> /multistream/1.0.0
> ls
< /multistream/1.0.0
<
    /echo/1.0.0
    "a space at the end "
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, line := range t {
		fmt.Printf("%q\n", line.AppendBytes(nil))
	}
	// Output:
	// "\x13/multistream/1.0.0\n"
	// "\x03ls\n"
	// "\x13/multistream/1.0.0\n"
	// "#\f/echo/1.0.0\n\x14a space at the end \n\n"
}

// A trace that writes the conversation as it happens.
func ExampleNewTrace() {
	initiator, responder := net.Pipe()
	var muxer multiselect.Muxer
	muxer.AddHandler("/chat/1.0.0", func(_ context.Context, _ string, stream io.ReadWriteCloser) { stream.Close() })
	go muxer.ServeStream(context.Background(), responder)

	ctx := multiselect.WithTrace(context.Background(), transcript.NewTrace(os.Stdout))
	var client multiselect.Client
	client.SelectOneOf(ctx, initiator, "/chat/2.0.0", "/chat/1.0.0")
	// Output:
	// > /multistream/1.0.0
	// > /chat/2.0.0
	// < /multistream/1.0.0
	// < na
	// > /chat/1.0.0
	// < /chat/1.0.0
}
