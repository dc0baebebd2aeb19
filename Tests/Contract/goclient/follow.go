// A client of a scan for tests: it writes down what it gets, as lines on stdout, and sends what it reads on stdin.
//
//	client -url wss://… -ca FILE [-token JWT] [-protocols a,b] [-compression none|takeover|no-takeover]
//
// Lines out: `protocol …` and `extensions …` as the answer named them, `text …` for each message, `binary N`, `pong`,
// and at the end `closed CODE REASON` (or `failed ERROR`) and `wire N`, the bytes that the socket gave.
// Lines in: `ping` sends a ping and says when it is answered, `close` closes with 1000, all else is sent as a text.
//
// The library is the other file that this one is built with: gorilla.go or nhooyr.go.
package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
)

// Larger than any frame of the gateway.
const maximumMessageBytes = 1 << 20

// What a library is asked for.
type terms struct {
	url, compression string
	protocols        []string
	header           http.Header
	tls              *tls.Config
	dial             func(ctx context.Context, network, address string) (net.Conn, error)
}

// What a library's connection can do.
type connection interface {
	// The next message, and whether it is a text; the error at the end.
	read() (string, bool, error)
	// Returns when the text was handed over.
	write(text string) error
	// Sends a ping; calls back when it was answered.
	ping(answered func()) error
	close() error
	// The close code and reason that an error of `read` stands for.
	closure(err error) (code int, reason string, isClosure bool)
}

// Counts what comes from the socket, below TLS.
type meter struct {
	net.Conn
	total *int64
}

func (m meter) Read(bytes []byte) (int, error) {
	length, err := m.Conn.Read(bytes)
	atomic.AddInt64(m.total, int64(length))
	return length, err
}

var output struct {
	sync.Mutex
	*bufio.Writer
}

func say(format string, values ...any) {
	output.Lock()
	defer output.Unlock()
	fmt.Fprintf(output.Writer, format+"\n", values...)
	output.Flush()
}

func fail(err error) {
	say("failed %v", err)
	os.Exit(1)
}

// Sends what stands on stdin, to its end; that alone closes nothing.
func obey(conn connection) {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, maximumMessageBytes)
	for lines.Scan() {
		var err error
		switch line := lines.Text(); line {
		case "ping":
			err = conn.ping(func() { say("pong") })
		case "close":
			err = conn.close()
		default:
			err = conn.write(line)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "goclient:", err)
		}
	}
}

func main() {
	output.Writer = bufio.NewWriter(os.Stdout)
	url := flag.String("url", "", "")
	ca := flag.String("ca", "", "")
	token := flag.String("token", "", "")
	protocols := flag.String("protocols", "", "")
	compression := flag.String("compression", "none", "")
	flag.Parse()

	authorities := x509.NewCertPool()
	certificate, err := os.ReadFile(*ca)
	if err != nil || !authorities.AppendCertsFromPEM(certificate) {
		fail(fmt.Errorf("no certificate in %s (%v)", *ca, err))
	}
	var wire int64
	wanted := terms{url: *url, compression: *compression, header: http.Header{}, tls: &tls.Config{RootCAs: authorities}}
	if *token != "" {
		wanted.header.Set("Authorization", "Bearer "+*token)
	}
	if *protocols != "" {
		wanted.protocols = strings.Split(*protocols, ",")
	}
	wanted.dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
		return meter{conn, &wire}, err
	}

	conn, answer, err := connect(wanted)
	if err != nil {
		fail(err)
	}
	say("protocol %s", answer.Header.Get("Sec-WebSocket-Protocol"))
	say("extensions %s", answer.Header.Get("Sec-WebSocket-Extensions"))
	go obey(conn)
	for {
		payload, isText, err := conn.read()
		if code, reason, isClosure := conn.closure(err); isClosure {
			say("closed %d %s", code, reason)
			break
		}
		if err != nil {
			say("failed %v", err)
			break
		}
		if isText {
			say("text %s", payload)
		} else {
			say("binary %d", len(payload))
		}
	}
	say("wire %d", atomic.LoadInt64(&wire))
}
