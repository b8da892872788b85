package main

import (
	"bytes"
	"context"
	"errors"
	"net"
	"strings"

	"github.com/multiselect/multiselect"
)

// httpRequest is what a lazy stream has to hold back: the G announces a message
// of 71 bytes, and that ends with the newline of the first line.
var httpRequest = []byte("GET /" + strings.Repeat("x", 56) + " HTTP/1.1\r\nHost: example.org\r\n\r\n")

// framed is a payload of a protocol that puts the length in front, as most of
// libp2p do. A lazy stream lets it travel.
func framed(d dial) []byte {
	payload := bytes.Repeat([]byte("x"), d.payload)
	if body := d.payload - 1; body < 0x80 {
		payload[0] = byte(body)
		return payload
	}
	body := d.payload - 2
	payload[0], payload[1] = byte(body)|0x80, byte(body>>7)
	return payload
}

func wordy(dial) []byte { return httpRequest }

func callLazy(ctx context.Context, open func() net.Conn, d dial, payload []byte) (string, error) {
	name := d.names[0]
	err := lazily(ctx, open(), name, payload)
	if !errors.Is(err, multiselect.ErrNotSupported) || len(d.names) == 1 {
		return name, err
	}
	conn := open()
	if name, err = client.SelectOneOf(ctx, conn, d.names[1:]...); err == nil {
		_, err = conn.Write(payload)
	}
	return name, err
}

func callLazyRemembering(ctx context.Context, open func() net.Conn, d dial, payload []byte) (string, error) {
	d.names = d.rememberedFirst()
	return callLazy(ctx, open, d, payload)
}

func callLazyEach(ctx context.Context, open func() net.Conn, d dial, payload []byte) (name string, err error) {
	for _, name = range d.names {
		if err = lazily(ctx, open(), name, payload); !errors.Is(err, multiselect.ErrNotSupported) {
			break
		}
	}
	return name, err
}

// lazily makes one attempt: a refused stream has ended, and takes the payload
// along.
func lazily(ctx context.Context, conn net.Conn, name string, payload []byte) error {
	l, err := client.Lazy(ctx, conn, name)
	if err != nil {
		return err
	}
	if _, err := l.Write(payload); err != nil {
		return err
	}
	return l.Wait(ctx)
}
