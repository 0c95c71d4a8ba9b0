#!/usr/bin/env bash
# Checks what netsift depends on: licences, sources and duplicates (deny.toml), and advisories where their database can be had.
set -euo pipefail
cd "$(dirname "$0")/.."
deny=$(.ci/tool.sh cargo-deny 0.20.2)
"$deny" --locked check --hide-inclusion-graph bans licenses sources
if timeout 60 git ls-remote --quiet https://github.com/RustSec/advisory-db HEAD >/dev/null 2>&1; then
    "$deny" --locked check --hide-inclusion-graph advisories
else
    echo "skipped: the database of advisories cannot be had" >&2
fi
