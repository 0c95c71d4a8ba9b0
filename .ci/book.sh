#!/usr/bin/env bash
# Builds docs/ as a book, into target/book. What mdbook warns of is a failure. Links are checked by tests/house.
set -euo pipefail
cd "$(dirname "$0")/.."
mdbook=$(.ci/tool.sh mdbook 0.5.4 --no-default-features)
warnings=$("$mdbook" build docs 2>&1 >/dev/null | grep -E 'WARN|ERROR' || true)
if [ -n "$warnings" ]; then
    echo "$warnings" >&2
    exit 1
fi
test -s target/book/index.html
