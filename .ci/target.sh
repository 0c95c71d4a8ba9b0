#!/usr/bin/env bash
# Whether what a target needs is there, or can be had within some minutes: target.sh TARGET
set -euo pipefail
cd "$(dirname "$0")/.."
libraries="$(rustc --print target-libdir --target "$1")"
{ compgen -G "$libraries/libstd-*" || timeout 60 rustup target add "$1"; } > /dev/null 2>&1 &&
    timeout 300 cargo fetch --locked --quiet --target "$1" && exit
echo "skipped: the standard library or the crates for $1 are not there, and cannot be had" >&2
exit 1
