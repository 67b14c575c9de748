// A server with what Go brings, and nothing set.
package main

import (
	"encoding/json"
	"io"
	"log"
	"net/http"
	"os"
)

type line struct {
	Article string `json:"article"`
	Count   uint32 `json:"count"`
	Cents   uint32 `json:"cents"`
}

type order struct {
	ID       uint64 `json:"id"`
	Customer string `json:"customer"`
	City     string `json:"city"`
	Express  bool   `json:"express"`
	Lines    []line `json:"lines"`
	Note     string `json:"note"`
	Cents    uint32 `json:"cents"`
}

var answer = []byte("hello, world\n")

func main() {
	http.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(answer)
	})
	http.HandleFunc("POST /{$}", func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.ReadAll(r.Body); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		_, _ = w.Write(answer)
	})
	http.HandleFunc("GET /json", func(w http.ResponseWriter, _ *http.Request) {
		body, err := json.Marshal(order{
			ID: 4711, Customer: "Ada Example", City: "Springfield", Express: true,
			Lines: []line{
				{"blue notebook, ruled", 3, 499}, {"pencil, soft", 12, 85}, {"desk lamp", 1, 3990},
			},
			Note: "please ring twice", Cents: 6507,
		})
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(body)
	})
	log.Fatal(http.ListenAndServe(os.Args[1], nil))
}
