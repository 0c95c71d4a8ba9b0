#!/usr/bin/env bash
# Whether the static build for Linux is one and works, and whether the code compiles for ARM. What has to be downloaded
# and cannot be had is skipped with a message.
set -euo pipefail
cd "$(dirname "$0")/.."
# The release build's settings, but for those that only cost time here. All targets share what runs on the host.
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}/foreign"
export CARGO_PROFILE_RELEASE_{OPT_LEVEL=0,LTO=off,CODEGEN_UNITS=16}

static=x86_64-unknown-linux-musl
if .ci/target.sh "$static"; then
    cargo build --locked --quiet --release --target "$static"
    netsift="$CARGO_TARGET_DIR/$static/release/netsift"
    headers="$(readelf --program-headers "$netsift")"
    if [[ $headers == *INTERP* ]]; then
        echo "$netsift is not static" >&2
        exit 1
    fi
    "$netsift" detect --quiet testdata/case | cmp - testdata/expected/detect.csv
fi

# Another processor, as far as can be told here: the code compiles for it. Windows has its own check. For macOS, a dependency of the Sigma
# rules' parser (psm, a few lines of assembler) wants Apple's compiler.
arm=aarch64-unknown-linux-musl
if .ci/target.sh "$arm"; then
    cargo check --locked --quiet --release --target "$arm"
fi
