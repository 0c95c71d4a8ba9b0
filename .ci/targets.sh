#!/usr/bin/env bash
# Whether the static build for Linux is one and works, and whether the code compiles for other processors and for macOS. What has to
# be downloaded and cannot be had is skipped with a message.
set -euo pipefail
cd "$(dirname "$0")/.."
# The release build's settings, but for those that only cost time here. All targets share what runs on the host.
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}/foreign"
export CARGO_PROFILE_RELEASE_{OPT_LEVEL=0,LTO=off,CODEGEN_UNITS=16}

# Whether what a target needs is there, or can be had within two minutes.
has() {
    local libraries
    libraries="$(rustc --print target-libdir --target "$1")"
    { compgen -G "$libraries/libstd-*" || timeout 60 rustup target add "$1"; } > /dev/null 2>&1 &&
        timeout 60 cargo fetch --locked --quiet --target "$1" && return
    echo "skipped: the standard library or the crates for $1 are not there, and cannot be had" >&2
    return 1
}

static=x86_64-unknown-linux-musl
if has "$static"; then
    cargo build --locked --quiet --release --target "$static"
    netsift="$CARGO_TARGET_DIR/$static/release/netsift"
    headers="$(readelf --program-headers "$netsift")"
    if [[ $headers == *INTERP* ]]; then
        echo "$netsift is not static" >&2
        exit 1
    fi
    "$netsift" detect --quiet testdata/case | cmp - testdata/expected/detect.csv
fi

# Other processors and systems, as far as can be told here: the code compiles for them. Windows has its own check.
for other in aarch64-unknown-linux-musl aarch64-apple-darwin; do
    if has "$other"; then
        cargo check --locked --quiet --release --target "$other"
    fi
done
