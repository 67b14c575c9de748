# Every recipe is a plain command that can be typed. ARGS passes more arguments: make demo ARGS="--trace load.csv"
SHELL := /bin/sh
.DEFAULT_GOAL := help
ARGS ?=
SECONDS ?= 60
FUZZ = $(shell cargo +nightly --version >/dev/null 2>&1 && echo '+nightly fuzz run' || echo 'fuzz run -s none')
# The short forms measure what is built anyway, the others what an image with a profile holds (images/compile).
SERVER = $(if $(filter --quick,$(ARGS)),target/release/headroom-workload,$$(PGO=on images/compile headroom-workload))
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)

# Installs Debian's packages whose programs are missing: $(call need,PROGRAM:PACKAGE ...)
define need
	@for need in $(1); do \
	  command -v "$${need%%:*}" >/dev/null 2>&1 || missing="$$missing $${need##*:}"; done; \
	test -z "$$missing" || { $(SUDO) apt-get update && $(SUDO) apt-get install -y --no-install-recommends $$missing; }
endef

.PHONY: help demo test cluster-up cluster-down e2e images chart lint bench bench-tools bench-overload bench-memory soak soak-attacks fuzz generate deny tools

help: ## Shows this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: tools ## Plays a load against a service in standalone mode and reports whether it held its objective (2 minutes)
	cargo build --release -p headroom -p headroom-workload -p headroom-load
	target/release/headroom demo $(ARGS)

test: tools ## Runs every test
	cargo build --workspace --bins
	cargo test --workspace $(ARGS)

cluster-up: tools ## Starts a Kubernetes cluster of two nodes to try things on; the first time it builds Kubernetes (minutes)
	cargo build --quiet -p headroom-e2e --bin headroom-cluster
	@target/debug/headroom-cluster up $(ARGS)

cluster-down: tools ## Removes that cluster and all that it left
	cargo build --quiet -p headroom-e2e --bin headroom-cluster
	target/debug/headroom-cluster down $(ARGS)

e2e: tools ## Runs the tests that need a cluster, on one made for them (the first time it builds Kubernetes)
	images/build
	cargo build --quiet -p headroom -p headroom-e2e --bins
	target/debug/headroom-cluster with --logs target/e2e/logs -- e2e/run

lint: tools ## Checks format, lints and documentation
	@cargo fmt --version >/dev/null 2>&1 || rustup component add rustfmt
	@cargo clippy --version >/dev/null 2>&1 || rustup component add clippy
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --quiet

bench: tools bench-tools ## Times a decision, the capacity, and what a request costs beside nginx and others (35 minutes; ARGS=--quick: 3)
	cargo build --release -p headroom-workload -p headroom-bench --bins --example capacity
	cargo build --release --manifest-path workload/bench/peers/rust/Cargo.toml --target-dir target/bench/peers
	cd workload/bench/peers/go && go build -trimpath -o ../../../../target/bench/peers/release/go-peer .
	cargo bench -p headroom-core -- $(filter --quick,$(ARGS))
	target/release/examples/capacity $(filter --quick,$(ARGS))
	target/release/headroom-bench server --program "$(SERVER)" $(ARGS)

# The servers that ours is compared with, and what builds or asks them.
bench-tools:
	$(call need,nginx:nginx-light haproxy:haproxy h2o:h2o h2load:nghttp2-client openssl:openssl)
	@command -v go >/dev/null 2>&1 || { echo "go is missing: install Go 1.24 or later from https://go.dev/dl" >&2; exit 1; }

bench-overload: tools ## Measures what overload does to the server, with admission and without (10 minutes; ARGS=--quick: 2)
	cargo build --release -p headroom-workload -p headroom-bench
	target/release/headroom-bench overload --server "$(SERVER)" $(ARGS)

bench-memory: tools ## Measures what an idle connection costs in memory, at 15,000 and at 100,000 in a virtual machine (5 minutes)
	$(call need,nginx:nginx-light openssl:openssl busybox:busybox-static qemu-system-x86_64:qemu-system-x86)
	workload/bench/vm/run $(ARGS)

soak: tools ## Changes workers 2,000 times under load and counts failed requests: none may (ARGS="--changes 200" for less)
	cargo run --release -p headroom-workload --example soak -- $(ARGS)

soak-attacks: tools ## Attacks the server for SECONDS=60 in each of the known ways and writes how much slower a good client is served
	@mkdir -p target/bench && rm -f target/bench/attacks.jsonl
	HEADROOM_ATTACK_SECONDS=$(SECONDS) HEADROOM_ATTACK_REPORT=$(CURDIR)/target/bench/attacks.jsonl \
		cargo test --release -p headroom-workload --test server attacks:: -- --test-threads 2 $(ARGS)
	@cat target/bench/attacks.jsonl

generate: tools ## Writes crds/ and the tables of docs/reference/ anew from the Rust types
	cargo run --quiet -p headroom -- crds --out crds
	cargo run --quiet -p headroom -- docs --out docs/reference

fuzz: ## Fuzzes every parser of the server, SECONDS=60 each (installs cargo-fuzz; with sanitizers on a nightly toolchain)
	@cargo fuzz --version >/dev/null 2>&1 || cargo install --locked cargo-fuzz
	cd workload/fuzz && for target in $(or $(TARGET),$$(cargo fuzz list)); do mkdir -p corpus/$$target; \
		cargo $(FUZZ) $$target corpus/$$target seeds/$$target -- -max_total_time=$(SECONDS) -max_len=20000 \
			$$(test -f seeds/$$target.dict && echo -dict=seeds/$$target.dict) $(ARGS) || exit 1; done

deny: ## Checks licences, sources and duplicates of the dependencies (installs cargo-deny)
	@cargo deny --version >/dev/null 2>&1 || cargo install --locked cargo-deny
	cargo deny check bans licenses sources

images: tools ## Builds the images with Docker or buildah, and saves them in target/images
	images/build

chart: tools ## Checks the Helm chart: lint, manifests, rights, values, dashboards, alerts
	cargo test -p headroom-e2e --test chart --test chart_values --test monitoring $(ARGS)
	cargo test -p headroom --test metric_names $(ARGS)

# A C compiler is all that the crates need beside Rust.
tools:
	@command -v cc >/dev/null 2>&1 || { $(SUDO) apt-get update && $(SUDO) apt-get install -y --no-install-recommends gcc libc6-dev; }
	@command -v cargo >/dev/null 2>&1 || { echo "cargo is missing: install Rust 1.95 or later from https://rustup.rs" >&2; exit 1; }
