# The two commands are `make demo` and `make test`; `make help` lists the parts.
# Rust is all that must be there; what else is needed is installed.

# Outside the clone, so that a fresh one re-uses the dependencies that are already compiled.
CARGO_TARGET_DIR ?= $(if $(HOME),$(HOME)/.cache/stormbell/target,$(CURDIR)/target)
export CARGO_TARGET_DIR

# What `make demo` writes.
DATA ?= $(CURDIR)/data
# Further arguments for `make demo`, `make bench` and `make fuzz`.
ARGS ?=
# How many short runs the simulator makes.
SEEDS ?= 1000
# How long each fuzz target runs.
FUZZ_SECONDS ?= 60

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# In continuous integration the committed versions are the only ones.
CARGO := cargo
LOCKED := $(if $(CI),--locked)

##@ The two commands

.PHONY: demo
demo: need-compiler ## The main job from nothing: builds, shows a storm become an incident, stays up
	$(CARGO) build $(LOCKED) --package server
	"$(CARGO_TARGET_DIR)/debug/stormbell" demo --data "$(DATA)" $(ARGS)

# In this order: what fails fastest first.
TEST_PARTS := need-compiler need-monitors need-mail lint test-all sim fuzz

.PHONY: test
test: ## Everything that continuous integration runs, with a summary in the end
	@started=$$SECONDS; summary=""; \
	for part in $(TEST_PARTS); do \
		part_started=$$SECONDS; \
		echo "== make $$part"; \
		if ! $(MAKE) "$$part"; then \
			echo "stormbell: make test FAILED in '$$part' after $$((SECONDS - started)) s"; \
			exit 1; \
		fi; \
		summary="$$summary $$part $$((SECONDS - part_started)) s,"; \
	done; \
	echo "stormbell: make test passed in $$((SECONDS - started)) s:$${summary%,}"

##@ Parts of the tests

.PHONY: test-all
test-all: need-compiler need-monitors need-mail ## The tests of every crate
	$(CARGO) test $(LOCKED) --workspace

.PHONY: test-engine
test-engine: ## The words and the decisions: no input, no output
	$(CARGO) test $(LOCKED) --package model --package engine

.PHONY: test-journal
test-journal: ## Durable ordered bytes, with faults
	$(CARGO) test $(LOCKED) --package journal

.PHONY: test-store
test-store: need-compiler ## Rows, migrations, offsets
	$(CARGO) test $(LOCKED) --package store

.PHONY: test-lake
test-lake: need-compiler ## Columns, files, scans
	$(CARGO) test $(LOCKED) --package lake

.PHONY: test-ingest
test-ingest: need-compiler ## The doors and their decoders
	$(CARGO) test $(LOCKED) --package ingest --package proto

.PHONY: test-matching
test-matching: ## What a rule fits, and the calendars of people
	$(CARGO) test $(LOCKED) --package matching --package oncall

.PHONY: test-delivery
test-delivery: need-compiler need-mail ## The courier and every channel, against servers that speak them
	$(CARGO) test $(LOCKED) --package delivery

.PHONY: test-api
test-api: need-compiler ## REST and its OpenAPI document
	$(CARGO) test $(LOCKED) --package api

.PHONY: test-server
test-server: need-compiler need-monitors need-mail ## Black box: the real binary, with Prometheus, amtool and a mail server
	$(CARGO) test $(LOCKED) --package server

.PHONY: sim
sim: need-compiler ## SEEDS short seeded runs with faults and kills
	$(CARGO) run $(LOCKED) --package sim -- --seeds $(SEEDS)

.PHONY: fuzz
fuzz: need-compiler need-fuzz ## Every decoder against libFuzzer for FUZZ_SECONDS; ARGS picks targets
	FUZZ_SECONDS=$(FUZZ_SECONDS) .ci/fuzz $(ARGS)

.PHONY: lint
lint: need-compiler ## Format, clippy, tidy, the shipped alert rules
	$(CARGO) fmt --all --check
	$(CARGO) clippy $(LOCKED) --workspace --all-targets -- -D warnings
	$(CARGO) run $(LOCKED) --quiet --package xtask -- tidy
	@if command -v promtool >/dev/null; then promtool check rules deploy/prometheus/alerts.yml; \
	else echo "lint: promtool is not installed; deploy/prometheus/alerts.yml was NOT checked"; fi

##@ Speed and shipping

.PHONY: bench
bench: need-compiler need-monitors ## The table of measured bars, from a release build; ARGS picks rows
	$(CARGO) build $(LOCKED) --release --package server --package bench
	"$(CARGO_TARGET_DIR)/release/bench" $(ARGS)

.PHONY: release
release: need-compiler ## The binary as it is shipped
	STORMBELL_REVISION="$$(git rev-parse --short HEAD 2>/dev/null)" $(CARGO) build $(LOCKED) --profile dist --package server
	@ls -l "$(CARGO_TARGET_DIR)/dist/stormbell"

##@ The rest

.PHONY: codegen
codegen: ## Write the generated gRPC code from proto/
	$(CARGO) run $(LOCKED) --quiet --package xtask -- codegen

.PHONY: clean-data
clean-data: ## Remove what `make demo` wrote
	@if [[ ! -e "$(DATA)" ]]; then echo "clean-data: there is no $(DATA)"; \
	elif [[ -e "$(DATA)/admin.key" ]]; then rm -rf -- "$(DATA)" && echo "clean-data: removed $(DATA)"; \
	else echo "clean-data: $(DATA) holds no admin.key, so it is no data folder; left alone" >&2; exit 1; fi

.PHONY: need-compiler
need-compiler:
	@if ! command -v $(CARGO) >/dev/null; then echo "make: cargo is missing; install Rust 1.95" >&2; exit 1; fi
	@.ci/install-packages build

.PHONY: need-monitors
need-monitors:
	@.ci/install-packages monitors

.PHONY: need-mail
need-mail:
	@.ci/install-packages mail

.PHONY: need-fuzz
need-fuzz:
	@.ci/install-packages fuzz

.PHONY: help
help: ## This list
	@awk 'BEGIN { FS = ":.*## " } \
		/^##@ / { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
