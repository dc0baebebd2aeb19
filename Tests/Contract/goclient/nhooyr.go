package main

import (
	"context"
	"errors"
	"net/http"

	"nhooyr.io/websocket"
)

type nhooyr struct {
	*websocket.Conn
}

func connect(wanted terms) (connection, *http.Response, error) {
	modes := map[string]websocket.CompressionMode{
		"none":        websocket.CompressionDisabled,
		"takeover":    websocket.CompressionContextTakeover,
		"no-takeover": websocket.CompressionNoContextTakeover,
	}
	conn, answer, err := websocket.Dial(context.Background(), wanted.url, &websocket.DialOptions{
		HTTPClient: &http.Client{
			Transport: &http.Transport{DialContext: wanted.dial, TLSClientConfig: wanted.tls},
		},
		HTTPHeader:      wanted.header,
		Subprotocols:    wanted.protocols,
		CompressionMode: modes[wanted.compression],
	})
	if err != nil {
		return nil, nil, err
	}
	// By default 32 KiB, less than a full batch may have.
	conn.SetReadLimit(maximumMessageBytes)
	return &nhooyr{conn}, answer, nil
}

func (c *nhooyr) read() (string, bool, error) {
	kind, payload, err := c.Read(context.Background())
	return string(payload), kind == websocket.MessageText, err
}

func (c *nhooyr) write(text string) error {
	return c.Write(context.Background(), websocket.MessageText, []byte(text))
}

func (c *nhooyr) ping(answered func()) error {
	err := c.Ping(context.Background())
	if err == nil {
		answered()
	}
	return err
}

func (c *nhooyr) close() error {
	return c.Close(websocket.StatusNormalClosure, "")
}

func (c *nhooyr) closure(err error) (int, string, bool) {
	var closed websocket.CloseError
	if !errors.As(err, &closed) {
		return 0, "", false
	}
	return int(closed.Code), closed.Reason, true
}
