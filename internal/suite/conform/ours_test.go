package conform_test

import (
	"context"
	"net"

	"github.com/multiselect/multiselect/conform"
	"github.com/multiselect/multiselect/internal/subject"
)

func dialer(l net.Listener) conform.Initiator {
	return conform.DialInitiator(l, func(ctx context.Context, network, addr string, task conform.Task) error {
		var d net.Dialer
		conn, err := d.DialContext(ctx, network, addr)
		if err != nil {
			return err
		}
		return subject.Do(ctx, conn, task)
	})
}
