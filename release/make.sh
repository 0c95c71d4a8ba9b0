#!/usr/bin/env bash
# Makes what is released of the commit that is checked out: release/make.sh FOLDER [TARGET...], all targets if none is given.
#
# For each target an archive with the program, its licences and those of the crates in it, manual pages and completions, and a list of
# these crates as CycloneDX; Debian packages of the static programs; and the SHA-256 of all of it. The same commit gives the same bytes,
# wherever it is built: times are those of the commit, and no path of this machine is in the programs. release/check.sh checks what came
# of it, release/twice.sh that the bytes are the same.
#
# PROFILE=release builds faster, for trying this out. NETSIFT_URL=https://... is where the files can be downloaded from: with it there is
# a manifest for scoop. Packages and lists are left out, with a message, where cargo-deb or cargo-cyclonedx is not installed.
set -euo pipefail
umask 022
mkdir -p "${1:?usage: release/make.sh FOLDER [TARGET...]}"
out="$(cd "$1" && pwd)"
shift
cd "$(dirname "$0")/.."
targets=("$@")
[ "${#targets[@]}" -gt 0 ] || mapfile -t targets < <(sed 's/#.*//; s/ *$//; /^$/d' release/targets)
profile="${PROFILE:-dist}"
CARGO_TARGET_DIR="$(mkdir -p "${CARGO_TARGET_DIR:-target}" && cd "${CARGO_TARGET_DIR:-target}" && pwd)"
version="$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)"
SOURCE_DATE_EPOCH="$(git log -1 --format=%ct)"
export CARGO_TARGET_DIR SOURCE_DATE_EPOCH TZ=UTC LC_ALL=C

uncommitted="$(git status --porcelain)"
if [ -n "$uncommitted" ]; then
    printf '%s: what is released is of a commit, and these are not committed:\n%s\n' "$0" "$uncommitted" >&2
    exit 1
fi
if [[ ${targets[*]} == *windows* ]]; then
    unfit=''
    command -v zip > /dev/null || unfit="zip is not installed"
    [[ $CARGO_TARGET_DIR != *' '* ]] || unfit="mingw's dlltool cannot have spaces in a path: $CARGO_TARGET_DIR"
    if [ -n "$unfit" ]; then
        echo "$0: for Windows: $unfit" >&2
        exit 1
    fi
fi
stage="$(mktemp -d)"
trap 'rm -rf "$stage"' EXIT

# The compiler's flags for one target, in the form that allows for spaces. No path of this machine in the places of panics, and no time of
# linking. Of prefixes that match, the compiler takes the last. The standard library has the place that it has where its source is not
# installed.
flags() {
    local cargo_home="${CARGO_HOME:-$HOME/.cargo}" commit registry
    commit="$(rustc -vV | sed -n 's/^commit-hash: //p')"
    local flags=(
        "--remap-path-prefix=$PWD=netsift"
        "--remap-path-prefix=$CARGO_TARGET_DIR=target"
        "--remap-path-prefix=$cargo_home=cargo"
        "--remap-path-prefix=$(rustc --print sysroot)/lib/rustlib/src/rust=/rustc/$commit"
    )
    # One folder for each address that crates come from: here it does not matter which.
    for registry in "$cargo_home"/registry/src/*; do flags+=("--remap-path-prefix=$registry=crates"); done
    case $1 in
        *-windows-gnu) flags+=("-Clink-arg=-Wl,--no-insert-timestamp") ;;
        aarch64-unknown-linux-musl) flags+=(-Clinker=rust-lld -Clink-self-contained=yes) ;;
    esac
    local IFS=$'\x1f'
    echo "${flags[*]}"
}

# Where the program of a target is.
program() {
    echo "$CARGO_TARGET_DIR/$1/$profile/netsift$([[ $1 != *windows* ]] || echo .exe)"
}

# What is the same for all targets: texts, and manual pages and completions from a program that runs here.
common() {
    local target netsift='' shell
    for target in "${targets[@]}"; do
        if [[ $target == "$(uname -m)"-*-linux-* ]]; then netsift="$(program "$target")"; fi
    done
    if [ -z "$netsift" ]; then
        cargo build --locked --quiet
        netsift="$CARGO_TARGET_DIR/debug/netsift"
    fi
    mkdir -p "$stage/common/man" "$stage/common/completions"
    cp README.md CHANGELOG.md LICENSE-MIT LICENSE-APACHE "$stage/common/"
    "$netsift" man --dir "$stage/common/man"
    for shell in bash zsh fish powershell elvish; do
        "$netsift" completions "$shell" > "$stage/common/completions/netsift.$shell"
    done
    chmod -R u=rwX,go=rX "$stage/common"
}

# A folder as an archive in which nothing depends on this machine.
packed() {
    local name=$1 format=$2
    find "$stage/$name" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +
    rm -f "$out/$name.$format"
    case $format in
        zip) (cd "$stage" && find "$name" -type f | sort | zip -q -X -9 "$out/$name.zip" -@) ;;
        tar.gz)
            tar --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" --format=ustar -C "$stage" -c "$name" |
                gzip -n -9 > "$out/$name.tar.gz"
            ;;
    esac
}

# The Debian package of a static program.
package() {
    local name=$1 target=$2 assets=target/debian-assets fast=()
    [ "$profile" = dist ] || fast=(--fast)
    rm -rf "$assets" && mkdir -p "$assets"
    cp -r "$stage/common/man" "$stage/common/completions" "$stage/$name/LICENSES-CRATES.txt" "$assets/"
    gzip -n -9 "$assets"/man/* "$assets/LICENSES-CRATES.txt"
    gzip -n -9 < CHANGELOG.md > "$assets/changelog.gz"
    printf 'netsift (%s-1) unstable; urgency=low\n\n  * See /usr/share/doc/netsift/changelog.gz.\n\n -- %s  %s\n' "$version" \
        "$(sed -n 's/^maintainer = "\(.*\)"/\1/p' Cargo.toml)" "$(date -u -R -d "@$SOURCE_DATE_EPOCH")" > "$assets/changelog.Debian"
    cargo deb --quiet --locked --no-build --no-strip --profile "$profile" --target "$target" --output "$out/" "${fast[@]}"
}

# The crates whose code is in the program of a target, one in each line.
crates() {
    cargo tree --locked --target "$1" --edges normal,no-proc-macro --prefix none --format '{p}'
}

# The list of them, without what is random, of now, or of this machine.
list() {
    local name=$1 target=$2
    cargo cyclonedx --quiet --format json --spec-version 1.5 --target "$target" --no-build-deps --override-filename netsift.cdx
    crates "$target" | release/sbom.py netsift.cdx.json > "$out/$name.cdx.json"
    rm netsift.cdx.json
}

for target in "${targets[@]}"; do
    cargo fetch --locked --quiet --target "$target"
    CARGO_ENCODED_RUSTFLAGS="$(flags "$target")" cargo build --locked --quiet --profile "$profile" --target "$target"
done
common
for target in "${targets[@]}"; do
    name="netsift-$version-$target"
    cp -r "$stage/common" "$stage/$name"
    install -m 755 "$(program "$target")" "$stage/$name/"
    crates "$target" | release/licences.py "$target" > "$stage/$name/LICENSES-CRATES.txt"
    case $target in
        *windows*) packed "$name" zip ;;
        *) packed "$name" tar.gz ;;
    esac
    # A static program is all that a package for any Debian needs.
    if [[ $target == *-linux-musl ]] && cargo deb --version > /dev/null 2>&1; then package "$name" "$target"; fi
    if cargo cyclonedx --version > /dev/null 2>&1; then list "$name" "$target"; fi
done
for tool in deb cyclonedx; do
    cargo "$tool" --version > /dev/null 2>&1 || echo "$0: cargo-$tool is not installed: what it makes is left out" >&2
done

(cd "$out" && rm -f SHA256SUMS netsift.json && sha256sum -- * > "$stage/SHA256SUMS" && mv "$stage/SHA256SUMS" .)
if [ -n "${NETSIFT_URL:-}" ]; then
    release/scoop.py "$NETSIFT_URL" "$version" "$out/SHA256SUMS" > "$out/netsift.json"
fi
ls -l "$out"
