#!/usr/bin/env bash
# Prints the path of a tool from crates.io in an exact version, and builds it first where it is not there:
# tool.sh CRATE VERSION [OPTION...] with options of cargo install.
set -euo pipefail
cd "$(dirname "$0")/.."
root="${CARGO_TARGET_DIR:-target}/tools/$1-$2"
if [ ! -x "$root/bin/$1" ]; then
    # It runs for a second: building it fast is worth more than a fast tool.
    CARGO_PROFILE_RELEASE_OPT_LEVEL=0 CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
        cargo install --quiet --locked --root "$root" "$1@$2" "${@:3}" >&2
fi
echo "$root/bin/$1"
