// Go's net/http, which chooses HTTP/2 by itself. What it does is said in ../test_http2_clients.py.
package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
)

var client *http.Client
var scan = os.Getenv("SCAN_URL")

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func ask(method, path, token, kind string, body io.Reader) *http.Response {
	request, err := http.NewRequest(method, scan+path, body)
	check(err)
	request.Header.Set("Authorization", "Bearer "+os.Getenv(token))
	if kind != "" {
		request.Header.Set("Content-Type", kind)
	}
	response, err := client.Do(request)
	check(err)
	return response
}

func tell(what string, response *http.Response) {
	defer response.Body.Close()
	var answer map[string]any
	check(json.NewDecoder(response.Body).Decode(&answer))
	io.Copy(io.Discard, response.Body)
	text, _ := json.Marshal(answer)
	fmt.Println(what, response.ProtoMajor, response.StatusCode, string(text))
}

func main() {
	pem, err := os.ReadFile(os.Getenv("CA"))
	check(err)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	client = &http.Client{Transport: &http.Transport{
		ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: roots}}}

	tell("post", ask("POST", "/progress", "PRODUCER", "application/json", bytes.NewBufferString(`[{"type":"a"},{"type":"b"}]`)))
	tell("get", ask("GET", "", "READER", "", nil))

	events := ask("GET", "/events?since=0", "READER", "", nil)
	lines := bufio.NewScanner(events.Body)
	until := func(kind string) {
		for lines.Scan() {
			if strings.Contains(lines.Text(), `"type":"`+kind+`"`) {
				fmt.Println("event", events.ProtoMajor, events.StatusCode, kind)
				return
			}
		}
		check(fmt.Errorf("no %s: %v", kind, lines.Err()))
	}
	until("b")
	reader, writer := io.Pipe()
	done := make(chan *http.Response)
	go func() { done <- ask("POST", "/progress", "PRODUCER", "application/x-ndjson", reader) }()
	for _, kind := range []string{"first", "second"} {
		fmt.Fprintf(writer, "{\"type\":%q}\n", kind)
		until(kind)
	}
	writer.Close()
	tell("stream", <-done)
	events.Body.Close()
}
