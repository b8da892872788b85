package conform_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/conform"
)

// initiate is our initiator, to the contract of conform.Task.
func initiate(ctx context.Context, stream io.ReadWriteCloser, task conform.Task) error {
	defer stream.Close()
	client := &multiselect.Client{Limits: multiselect.Limits{Budget: task.Timeout}}
	var err error
	switch task.Mode {
	case "select":
		_, err = client.SelectOneOf(ctx, stream, task.Protocols...)
		if err == nil {
			echo(stream)
		}
	case "ls":
		err = initiateList(ctx, client, stream, task.Protocols)
	default:
		err = initiateLazy(ctx, client, stream, task)
	}
	if errors.Is(err, multiselect.ErrNotSupported) {
		return fmt.Errorf("%w: %w", conform.ErrRefused, err)
	}
	return err
}

func initiateList(ctx context.Context, client *multiselect.Client, stream io.ReadWriteCloser, protocols []string) error {
	c := multiselect.NewCommunicator(stream)
	list, err := client.List(ctx, c)
	if err != nil && !errors.Is(err, multiselect.ErrNotSupported) {
		return err
	}
	if n := len(list.Names); n > 0 {
		err = client.TrySelect(ctx, c, list.Names[n-1])
	}
	if len(list.Names) == 0 || errors.Is(err, multiselect.ErrNotSupported) {
		_, err = client.SelectOneOfOver(ctx, c, protocols...)
	}
	if err == nil {
		echo(stream)
	}
	return err
}

func initiateLazy(ctx context.Context, client *multiselect.Client, stream io.ReadWriteCloser, task conform.Task) error {
	s, err := client.Lazy(ctx, stream, task.Protocols[0])
	if err != nil {
		return err
	}
	if task.Mode != "lazy-read" {
		if _, err := io.WriteString(s, "early"); err != nil {
			return err
		}
	}
	switch task.Mode {
	case "lazy-close":
		s.Close()
		return s.Wait(ctx)
	case "lazy-half":
		if err := s.CloseWrite(); err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, s)
	default:
		_, err = io.Copy(s, s)
	}
	s.Close()
	return err
}

func dialer(l net.Listener) conform.Initiator {
	return conform.Listener(l, func(ctx context.Context, network, addr string, task conform.Task) error {
		var d net.Dialer
		conn, err := d.DialContext(ctx, network, addr)
		if err != nil {
			return err
		}
		return initiate(ctx, conn, task)
	})
}
