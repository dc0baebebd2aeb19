package main

import (
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

const question = "are you there"

type gorilla struct {
	*websocket.Conn
	// The library allows one writer at a time.
	writing sync.Mutex
	pings   chan func()
}

func connect(wanted terms) (connection, *http.Response, error) {
	if wanted.compression == "takeover" {
		return nil, nil, errors.New("gorilla knows no context takeover")
	}
	dialer := websocket.Dialer{
		NetDialContext:    wanted.dial,
		TLSClientConfig:   wanted.tls,
		Subprotocols:      wanted.protocols,
		EnableCompression: wanted.compression != "none",
	}
	conn, answer, err := dialer.Dial(wanted.url, wanted.header)
	if err != nil {
		if answer != nil {
			err = fmt.Errorf("%w: %s", err, answer.Status)
		}
		return nil, nil, err
	}
	conn.SetReadLimit(maximumMessageBytes)
	client := &gorilla{Conn: conn, pings: make(chan func(), 16)}
	conn.SetPongHandler(func(payload string) error {
		if payload == question {
			(<-client.pings)()
		}
		return nil
	})
	return client, answer, nil
}

func (c *gorilla) read() (string, bool, error) {
	kind, payload, err := c.ReadMessage()
	return string(payload), kind == websocket.TextMessage, err
}

func (c *gorilla) write(text string) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	return c.WriteMessage(websocket.TextMessage, []byte(text))
}

func (c *gorilla) ping(answered func()) error {
	c.pings <- answered
	return c.WriteControl(websocket.PingMessage, []byte(question), time.Now().Add(time.Minute))
}

func (c *gorilla) close() error {
	payload := websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")
	return c.WriteControl(websocket.CloseMessage, payload, time.Now().Add(time.Minute))
}

func (c *gorilla) closure(err error) (int, string, bool) {
	var closed *websocket.CloseError
	if !errors.As(err, &closed) {
		return 0, "", false
	}
	return closed.Code, closed.Text, true
}
