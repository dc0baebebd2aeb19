// Posts messages to a scan: one JSON object a line on standard input. Go 1.18 or later, its own library alone.
//
//	export SLUICE_URL=https://localhost:8443 SLUICE_TOKEN=… SLUICE_CA=ca.crt
//	printf '%s\n' '{"type":"scanStarted"}' '{"type":"scanCompleted"}' | go run post.go nightly-1
//
// Exit code: 0 if all were taken, 1 if the gateway refused or could not be reached.
package main

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"time"
)

const (
	atOnce = 500
	tries  = 8
	// The largest message that a gateway takes unless it is configured otherwise.
	maximumBytes = 256 << 10
)

// post posts an array. The key makes it safe to repeat: what the gateway has taken already, it does not take twice.
func post(client *http.Client, url string, messages [][]byte) error {
	body := append(append([]byte("["), bytes.Join(messages, []byte(","))...), ']')
	key := make([]byte, 16)
	if _, err := rand.Read(key); err != nil {
		return err
	}
	for attempt := 1; ; attempt++ {
		request, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(body))
		if err != nil {
			return err
		}
		request.Header.Set("Authorization", "Bearer "+os.Getenv("SLUICE_TOKEN"))
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("Idempotency-Key", hex.EncodeToString(key))
		mayPass, seconds := true, 1<<attempt
		answer, err := client.Do(request)
		if err == nil {
			text, _ := io.ReadAll(io.LimitReader(answer.Body, 1<<20))
			answer.Body.Close()
			if answer.StatusCode/100 == 2 {
				fmt.Println(string(text))
				return nil
			}
			err = fmt.Errorf("%d %s", answer.StatusCode, text)
			mayPass = answer.StatusCode >= 500 || answer.StatusCode == 408 || answer.StatusCode == 429
			if after, parsed := strconv.Atoi(answer.Header.Get("Retry-After")); parsed == nil {
				seconds = after
			}
		}
		if !mayPass || attempt == tries {
			return err
		}
		if seconds > 60 {
			seconds = 60
		}
		time.Sleep(time.Duration(seconds) * time.Second)
	}
}

func run(scan string) error {
	roots := x509.NewCertPool()
	if file := os.Getenv("SLUICE_CA"); file == "" {
		roots = nil
	} else if pem, err := os.ReadFile(file); err != nil {
		return err
	} else if !roots.AppendCertsFromPEM(pem) {
		return fmt.Errorf("%s: no certificate", file)
	}
	client := &http.Client{
		Timeout:   30 * time.Second,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}},
	}
	url := os.Getenv("SLUICE_URL") + "/api/scans/" + scan + "/progress"
	input := bufio.NewScanner(os.Stdin)
	input.Buffer(nil, maximumBytes)
	var batch [][]byte
	for input.Scan() {
		if line := bytes.TrimSpace(input.Bytes()); len(line) > 0 {
			batch = append(batch, append([]byte(nil), line...))
		}
		if len(batch) == atOnce {
			if err := post(client, url, batch); err != nil {
				return err
			}
			batch = nil
		}
	}
	if err := input.Err(); err != nil || len(batch) == 0 {
		return err
	}
	return post(client, url, batch)
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: post SCAN_ID")
		os.Exit(64)
	}
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "post:", err)
		os.Exit(1)
	}
}
