// Receives AIsoule webhooks. Go 1.21 or newer, standard library only.
//
// WEBHOOK_SECRET=whsec_… PORT=8000 go run receiver.go
package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	tolerance = 300   // seconds that a request may be old, or ahead of this clock
	limit     = 65536 // bytes of the largest body that is ever sent
)

type delivery struct {
	id   string
	body []byte
}

var (
	secret = os.Getenv("WEBHOOK_SECRET")
	events = make(chan delivery, 1000)
	seen   = map[string]bool{} // keep these in your database: a unique key on webhook-id
	lock   sync.Mutex
)

func sum(key []byte, parts ...[]byte) []byte {
	mac := hmac.New(sha256.New, key)
	for _, part := range parts {
		mac.Write(part)
	}
	return mac.Sum(nil)
}

// X-Webhook-Signature: that the body is AIsoule's.
func isGenuine(body []byte, signature string) bool {
	expected := hex.EncodeToString(sum([]byte(secret), body))
	return hmac.Equal([]byte(expected), []byte(signature))
}

// webhook-signature (Standard Webhooks): that the id and the time are, too, so that nobody can play it again.
func isFresh(body []byte, id, timestamp, signatures string) bool {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		return false
	}
	expected := "v1," + base64.StdEncoding.EncodeToString(sum(key, []byte(id+"."+timestamp+"."), body))
	known := false
	for _, given := range strings.Split(signatures, " ") { // two for a while after the secret was rotated
		known = hmac.Equal([]byte(expected), []byte(given)) || known
	}
	at, err := strconv.ParseInt(timestamp, 10, 64)
	age := time.Now().Unix() - at
	return known && err == nil && -tolerance <= age && age <= tolerance
}

// accept puts a new event into the queue; false if there is no room, so that the sender comes again.
func accept(id string, body []byte) bool {
	lock.Lock()
	defer lock.Unlock()
	if seen[id] {
		return true
	}
	select {
	case events <- delivery{id, body}:
	default:
		return false
	}
	if len(seen) >= 10_000 {
		clear(seen)
	}
	seen[id] = true
	return true
}

// What takes time happens here, after the answer.
func work() {
	for received := range events {
		var payload struct {
			Event     string          `json:"event"`
			Timestamp string          `json:"timestamp"`
			Data      json.RawMessage `json:"data"`
		}
		if err := json.Unmarshal(received.body, &payload); err != nil {
			log.Print(err)
			continue
		}
		fmt.Printf("%s %s\n", payload.Event, received.id)
	}
}

func receive(w http.ResponseWriter, r *http.Request) {
	// The raw bytes: parsing and encoding again would change them.
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	id := r.Header.Get("webhook-id")
	switch {
	case r.Method != http.MethodPost || err != nil:
		w.WriteHeader(http.StatusBadRequest)
	case !isGenuine(body, r.Header.Get("X-Webhook-Signature")),
		!isFresh(body, id, r.Header.Get("webhook-timestamp"), r.Header.Get("webhook-signature")):
		w.WriteHeader(http.StatusUnauthorized)
	case !accept(id, body):
		w.WriteHeader(http.StatusServiceUnavailable)
	default:
		w.WriteHeader(http.StatusOK) // to a repeat as well: it did arrive
	}
}

func main() {
	if secret == "" {
		log.Fatal("WEBHOOK_SECRET is not set")
	}
	port := os.Getenv("PORT")
	if port == "" {
		port = "8000"
	}
	go work()
	server := &http.Server{Addr: "127.0.0.1:" + port, Handler: http.HandlerFunc(receive), ReadTimeout: 10 * time.Second}
	// Key and certificate in one PEM file, where no proxy or tunnel speaks TLS for this server.
	if file := os.Getenv("TLS_FILE"); file != "" {
		log.Fatal(server.ListenAndServeTLS(file, file))
	}
	log.Fatal(server.ListenAndServe())
}
