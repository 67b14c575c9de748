module headroom.example/bench/go-peer

go 1.24
