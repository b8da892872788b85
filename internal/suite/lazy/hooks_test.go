package lazy_test

import (
	"context"
	"errors"
	"net"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/internal/apitest"
	"github.com/multiselect/multiselect/internal/streamtest"
)

// TestLazyHooksInOrder resets a stream while its Sent hook runs, from another goroutine or from
// the hook itself. Done is called after the hook has returned, and no byte is sent.
func TestLazyHooksInOrder(t *testing.T) {
	for _, inHook := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			a, _ := streamtest.Pipe()
			var calls []string
			var l *multiselect.LazyStream
			began, proceed := make(chan struct{}), make(chan struct{})
			ctx := multiselect.WithTrace(context.Background(), &multiselect.Trace{
				Sent: func(multiselect.Role, []byte) {
					calls = append(calls, "sent begins")
					close(began)
					if inHook {
						l.Reset()
					}
					<-proceed
					calls = append(calls, "sent ends")
				},
				Done: func(multiselect.Outcome) { calls = append(calls, "done") },
			})
			var err error
			l, err = new(multiselect.Client).Lazy(ctx, a, apitest.NameA)
			if err != nil {
				t.Fatal(err)
			}
			wrote := make(chan error, 1)
			go func() {
				_, err := l.Write([]byte("\x07request"))
				wrote <- err
			}()
			<-began
			if !inHook {
				l.Reset()
			}
			synctest.Wait()
			close(proceed)
			if err := <-wrote; !errors.Is(err, net.ErrClosed) {
				t.Errorf("Write = %v", err)
			}
			if err := l.Wait(context.Background()); !errors.Is(err, net.ErrClosed) {
				t.Errorf("Wait = %v", err)
			}
			if want := []string{"sent begins", "sent ends", "done"}; !slices.Equal(calls, want) {
				t.Errorf("hooks: %q, want %q", calls, want)
			}
			if ends := a.Ended(); !slices.Equal(ends, []string{"reset"}) {
				t.Errorf("ended: %q", ends)
			}
		})
	}
}
