#!/bin/sh
# Every test of the workspace: with nextest where it is installed, else with cargo's own runner, which needs nothing.

set -eu

if cargo nextest --version >/dev/null 2>&1; then
    cargo test --release --workspace --doc -q </dev/null
    cargo nextest run --release --workspace --no-fail-fast </dev/null
else
    echo "tests: cargo-nextest is not installed; using cargo test"
    cargo test --release --workspace --no-fail-fast </dev/null
fi
