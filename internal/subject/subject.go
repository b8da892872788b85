// Package subject is our own initiator as the conformance suite wants one, for the
// tests that hold the suite against it and for the tool.
package subject

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/multiselect/multiselect"
	"github.com/multiselect/multiselect/conform"
)

// Do performs the task of an initiator as [conform.Task] describes it, and closes the
// stream.
func Do(ctx context.Context, stream io.ReadWriteCloser, task conform.Task) error {
	defer stream.Close()
	client := &multiselect.Client{Limits: multiselect.Limits{Timeout: task.Timeout}}
	var err error
	switch task.Mode {
	case "select":
		_, err = client.SelectOneOf(ctx, stream, task.Protocols...)
	case "ls":
		err = selectListed(ctx, client, stream, task.Protocols)
	case "lazy", "lazy-read", "lazy-close", "lazy-half":
		return refusal(selectLazily(ctx, client, stream, task))
	default:
		return fmt.Errorf("mode %q: %w", task.Mode, errors.ErrUnsupported)
	}
	if err == nil {
		io.Copy(stream, stream) // the protocol is an echo; its own end is not tested
	}
	return refusal(err)
}

func refusal(err error) error {
	if errors.Is(err, multiselect.ErrNotSupported) {
		return fmt.Errorf("%w: %w", conform.ErrRefused, err)
	}
	return err
}

// selectListed proposes the last name of the list, and the given names if there is none or
// if it is refused.
func selectListed(ctx context.Context, client *multiselect.Client, stream io.ReadWriteCloser, protocols []string) error {
	c := multiselect.NewCommunicator(stream)
	list, err := client.List(ctx, c)
	if err != nil && !errors.Is(err, multiselect.ErrNotSupported) {
		return err
	}
	if n := len(list.Names); n > 0 {
		if err := client.TrySelect(ctx, c, list.Names[n-1]); !errors.Is(err, multiselect.ErrNotSupported) {
			return err
		}
	}
	_, err = client.SelectOn(ctx, c, protocols...)
	return err
}

func selectLazily(ctx context.Context, client *multiselect.Client, stream io.ReadWriteCloser, task conform.Task) error {
	if len(task.Protocols) == 0 {
		return multiselect.ErrNoProtocols
	}
	s, err := client.Lazy(ctx, stream, task.Protocols[0])
	if err != nil {
		return err
	}
	defer s.Close()
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
		return err
	}
	_, err = io.Copy(s, s)
	return err
}
