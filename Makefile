# Tenon's tasks. `make help` lists them. Every build uses the release profile, so that llama.cpp is compiled once.

SHELL := /bin/sh
.DEFAULT_GOAL := help

# Rust may be installed without the login shell knowing.
export PATH := $(PATH):$(HOME)/.cargo/bin

CORES := $(shell nproc 2>/dev/null || echo 2)
# Override with: make build CARGO_TARGET_DIR=target
ifeq ($(origin CARGO_TARGET_DIR), undefined)
CARGO_TARGET_DIR := $(shell scripts/target-dir.sh)
endif
CARGO_BUILD_JOBS ?= $(CORES)
CMAKE_BUILD_PARALLEL_LEVEL ?= $(CORES)
export CARGO_TARGET_DIR CARGO_BUILD_JOBS CMAKE_BUILD_PARALLEL_LEVEL

TENON := $(CARGO_TARGET_DIR)/release/tenon
CODER_MODELS := qwen2.5-coder-0.5b qwen2.5-coder-1.5b
TEST_MODEL := smollm2-135m
# What `make eval` runs; for example: make eval EVAL_FLAGS="--limit 5"
EVAL_MODELS := qwen2.5-coder-0.5b,qwen2.5-coder-1.5b
EVAL_FLAGS ?=
EVAL_OUT ?= $(CARGO_TARGET_DIR)/eval/repo-verified.jsonl

# The tasks stand on each other's results; cargo does its own work in parallel.
.NOTPARALLEL:

.PHONY: help
help: ## List the tasks
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-16s %s\n", $$1, $$2 }'

.PHONY: setup
setup: ## Check what the build needs; install what is missing (as root or with passwordless sudo)
	@scripts/setup.sh

.PHONY: setup-tests
setup-tests:
	@scripts/setup.sh --tests

.PHONY: build
build: ## Build the release binary
	cargo build --release --locked --package tenon-cli
	@echo "built $(TENON)"

PREFIX ?= $(HOME)/.local
.PHONY: install
install: build ## Copy the binary to ~/.local/bin (PREFIX=/usr/local for another place)
	install -D -m 755 $(TENON) "$(PREFIX)/bin/tenon"
	@echo "installed $(PREFIX)/bin/tenon"

.PHONY: models
models: build ## Pull the two coder models and the small one for tests, checked by digest
	$(TENON) model pull $(CODER_MODELS) $(TEST_MODEL)

.PHONY: clients
clients: ## Install the clients that the tests drive against `tenon serve`
	@scripts/clients.sh "$(CARGO_TARGET_DIR)/clients"

.PHONY: interop
interop: interop-agents interop-editors interop-vscode ## Drive the clients that are too heavy for every test run against the 0.5B model (2 GB, half an hour)

.PHONY: interop-agents
interop-agents: build ## aider, Codex, opencode and Continue
	@scripts/clients.sh "$(CARGO_TARGET_DIR)/interop" scripts/interop
	$(TENON) model pull qwen2.5-coder-0.5b
	@python3 scripts/interop.py "$(CARGO_TARGET_DIR)/interop" $(TENON)

.PHONY: interop-editors
interop-editors: build ## Helix, Neovim, Emacs, Vim with ALE and llama.vim, in a root of Debian sid (needs mmdebstrap, tmux, bwrap)
	@scripts/interop/editors/install.sh "$(CARGO_TARGET_DIR)/interop-editors"
	$(TENON) model pull qwen2.5-coder-0.5b
	@python3 scripts/interop/editors/drive.py "$(CARGO_TARGET_DIR)/interop-editors" $(TENON)

.PHONY: interop-vscode
interop-vscode: build vscode ## VS Code in a browser (needs Chromium, and a compiler and headers for Node 20)
	@scripts/interop/vscode/install.sh "$(CARGO_TARGET_DIR)/interop-vscode"
	$(TENON) model pull qwen2.5-coder-0.5b
	@node scripts/interop/vscode/drive.mjs "$(CARGO_TARGET_DIR)/interop-vscode" $(TENON) editors/vscode/dist/tenon.vsix

.PHONY: demo
demo: setup build ## Run the main job on a sample repository, from a fresh clone
	$(TENON) model pull $(CODER_MODELS)
	@scripts/demo.sh $(TENON)

.PHONY: test
test: setup-tests build models clients lint suites docs-check alerts-check vscode-check ## Everything that CI runs: set-up, lints, every test
	scripts/tests.sh

.PHONY: alerts-check
alerts-check: ## Check the alert rules, and prove each with series that make it fire and series that must not
	@scripts/alerts.sh

.PHONY: lint
lint: ## Formatting, clippy and the arrows between rooms
	cargo fmt --all --check
	cargo xtask tidy
	cargo clippy --release --locked --workspace --all-targets -- -D warnings

.PHONY: suites
suites: ## Check that repo.jsonl is what its folders say, and prove its Python tasks
	python3 eval/suites/build_repo_suite.py --check --validate --language python

.PHONY: suites-validate
suites-validate: ## Prove every task of the repo suite (needs python3, node and cargo)
	python3 eval/suites/build_repo_suite.py --check --validate

.PHONY: docs
docs: docs-check ## Build the manual (needs mdbook) and the crates' documentation
	cargo doc --release --no-deps --workspace
	@if command -v mdbook >/dev/null 2>&1; then mdbook build docs --dest-dir "$(CARGO_TARGET_DIR)/book"; \
	else echo "mdbook is not installed; to build the manual: cargo install mdbook --locked"; exit 1; fi

.PHONY: docs-check
docs-check: ## Check the manual's pages and links
	python3 scripts/check_docs.py

.PHONY: vscode-check
vscode-check:
	cd editors/vscode && npm ci --ignore-scripts --no-audit --no-fund && npm test

.PHONY: vscode
vscode: ## Package the VS Code extension as editors/vscode/dist/tenon.vsix (needs Node 20)
	cd editors/vscode && npm ci --ignore-scripts --no-audit --no-fund && npm run package

.PHONY: bench
bench: build ## Measure the models on this machine
	@for model in $(CODER_MODELS); do $(TENON) model bench $$model || exit; done

.PHONY: eval
eval: build ## Run the repo suite with both models (long; resumes where it stopped)
	@mkdir -p "$(dir $(EVAL_OUT))"
	$(TENON) eval run eval/suites/repo.jsonl --format repo --mode verified --model $(EVAL_MODELS) --out "$(EVAL_OUT)" $(EVAL_FLAGS)

.PHONY: clean
clean: ## Remove the build outputs (models and runs stay)
	cargo clean
