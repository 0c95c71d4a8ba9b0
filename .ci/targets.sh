#!/usr/bin/env bash
# Another processor, as far as can be told here: the code compiles for ARM. The static program for Linux and Windows have checks of their
# own. For macOS, a dependency of the Sigma rules' parser (psm, a few lines of assembler) wants Apple's compiler. What has to be downloaded
# and cannot be had is skipped with a message.
set -euo pipefail
cd "$(dirname "$0")/.."
# All targets share what runs on the host.
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}/foreign"
export CARGO_PROFILE_RELEASE_{OPT_LEVEL=0,LTO=off,CODEGEN_UNITS=16}
arm=aarch64-unknown-linux-musl
if .ci/target.sh "$arm"; then
    cargo check --locked --quiet --release --target "$arm"
fi
