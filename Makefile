# SPDX-License-Identifier: MPL-2.0
# Two commands matter: `make run` and `make test`. Each sets up what it needs; `make help` lists the rest.

CARGO ?= cargo
TARGET := $(or $(CARGO_TARGET_DIR),target)
# Arguments for `releng up` (run), `cargo test` (test, test-embedded) and `cargo bench` (bench).
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: run test test-embedded check fmt bench docs generated audit help

run: ## build and start all four services with demo data; ARGS="--no-demo" and the like go to `releng up`
	@deploy/setup build
	$(CARGO) build --release --package releng-all-in-one --package releng-tooltool-client --package releng-tecken
	@exec $(TARGET)/release/releng up $(ARGS)

test: ## run every test with real PostgreSQL, Redis, S3 and RabbitMQ servers and a browser, started for the run
	@deploy/setup test
	@exec deploy/test-services/with-services postgres redis s3 rabbitmq chromium -- $(CARGO) test --workspace $(ARGS)

test-embedded: ## run the tests that need no server
	@deploy/setup build
	$(CARGO) test --workspace $(ARGS)

check: ## formatting, lints, documentation, generated pages; what CI asks for beside the tests
	@deploy/setup check
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps
	deploy/check-generated
	@if $(CARGO) deny --version >/dev/null 2>&1; then $(CARGO) deny --log-level error check bans licenses sources; \
	else echo "check: cargo-deny is not installed, licences and sources of dependencies were not checked"; fi

fmt: ## format the Rust sources
	$(CARGO) fmt --all

bench: ## run the benchmarks; docs/performance.md says how to record them
	@deploy/setup build
	$(CARGO) bench --workspace $(ARGS)

docs: ## build the book into docs/book/out
	@deploy/setup docs
	PATH="$${RELENG_TOOLS:-$$HOME/.cache/releng-tools}/bin:$$PATH" mdbook build docs/book

generated: ## rewrite the OpenAPI documents and the settings page from the programs
	@deploy/setup build
	deploy/check-generated --write

audit: ## check advisories, licences and sources of all dependencies; needs cargo-deny and the network
	@$(CARGO) deny --version >/dev/null 2>&1 || { echo "audit: cargo install --locked cargo-deny" >&2; exit 1; }
	$(CARGO) deny check

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
