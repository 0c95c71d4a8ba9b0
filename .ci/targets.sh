#!/usr/bin/env bash
# Whether the code compiles for other systems and processors: ARM, and macOS on both of its own. The static program for Linux and Windows
# have checks of their own. What has to be downloaded and cannot be had is skipped with a message.
set -euo pipefail
cd "$(dirname "$0")/.."
# A dependency of the Sigma rules' parser (psm) has a few lines of assembler, which clang reads for any system.
if ! command -v clang > /dev/null; then
    timeout 600 .ci/packages.sh clang > /dev/null 2>&1 || true
fi
# All targets share what runs on the host.
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}/foreign"
export CARGO_PROFILE_RELEASE_{OPT_LEVEL=0,LTO=off,CODEGEN_UNITS=16}

# compiles TARGET TRIPLE, where clang knows the target by that triple.
compiles() {
    local target=$1 variable=${1//-/_}
    if ! .ci/target.sh "$target"; then return; fi
    if ! command -v clang > /dev/null; then
        echo "skipped: there is no clang for $target" >&2
        return
    fi
    env "CC_$variable=clang" "CFLAGS_$variable=--target=$2" CRATE_CC_NO_DEFAULTS=1 \
        cargo check --locked --quiet --release --target "$target"
}

compiles aarch64-unknown-linux-musl aarch64-linux-musl
compiles aarch64-unknown-linux-gnu aarch64-linux-gnu
compiles aarch64-apple-darwin arm64-apple-macos11
compiles x86_64-apple-darwin x86_64-apple-macos11
