#!/usr/bin/env bash
# Whether what is released is the same bytes when it is made twice, and is as it should be: the static program for Linux, its archive, its
# package and the list of its crates. Skipped where the target cannot be had.
set -euo pipefail
cd "$(dirname "$0")/.."
target=x86_64-unknown-linux-musl
.ci/target.sh "$target" || exit 0
tools="$(dirname "$(.ci/tool.sh cargo-deb 3.8.0)"):$(dirname "$(.ci/tool.sh cargo-cyclonedx 0.5.9)")"
root="${CARGO_TARGET_DIR:-target}"
# The release build's settings, but for those that only cost time here. What runs on the host is shared with .ci/targets.sh.
export PROFILE=release CARGO_PROFILE_RELEASE_{OPT_LEVEL=0,LTO=off,CODEGEN_UNITS=16}
PATH="$(realpath "${tools%:*}"):$(realpath "${tools#*:}"):$PATH" CARGO_TARGET_DIR="$root/foreign" release/twice.sh "$root/twice" "$target"
