#!/bin/sh
# Checks the alert rules and tests them on made-up series.
set -eu

cd "$(dirname "$0")/../deploy/prometheus"
if ! command -v promtool >/dev/null 2>&1; then
    echo "error: promtool is missing" >&2
    echo "  install it with: apt-get install -y --no-install-recommends prometheus" >&2
    exit 1
fi
promtool check rules alerts.yml
promtool test rules alerts_test.yml alerts_days_test.yml
