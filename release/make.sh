#!/usr/bin/env bash
# Makes what is released of the commit that is checked out: release/make.sh FOLDER [TARGET...], all targets if none is given.
#
# For each target an archive with the program, its licences, manual pages and completions; Debian packages of the static programs; what
# the program is made of, as CycloneDX; and the SHA-256 of all of it. The same commit gives the same bytes, wherever it is built: times
# are those of the commit, and no path of this machine is in the programs. release/check.sh checks what came of it.
#
# PROFILE=release builds faster, for trying this out. NETSIFT_URL=https://... is where the files can be downloaded from: with it there is
# a manifest for scoop.
set -euo pipefail
umask 022
cd "$(dirname "$0")/.."
mkdir -p "$1"
out="$(cd "$1" && pwd)"
shift
targets=("$@")
[ "${#targets[@]}" -gt 0 ] || mapfile -t targets < <(sed 's/#.*//; s/ *$//; /^$/d' release/targets)
profile="${PROFILE:-dist}"
build="${CARGO_TARGET_DIR:-$PWD/target}"
version="$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)"
SOURCE_DATE_EPOCH="$(git log -1 --format=%ct)"
export SOURCE_DATE_EPOCH TZ=UTC LC_ALL=C

if [ -n "$(git status --porcelain --untracked-files=no)" ]; then
    echo "$0: there are changes that are not committed: what is released is of a commit" >&2
    exit 1
fi
stage="$(mktemp -d)"
trap 'rm -rf "$stage"' EXIT

# The flags of one target: no path of this machine in panics' places, and no time of linking.
flags() {
    local cargo_home="${CARGO_HOME:-$HOME/.cargo}" prefixes
    prefixes="--remap-path-prefix=$build=build --remap-path-prefix=$PWD=netsift --remap-path-prefix=$cargo_home=cargo"
    case $1 in
        *-windows-gnu) echo "$prefixes -Clink-arg=-Wl,--no-insert-timestamp" ;;
        aarch64-unknown-linux-musl) echo "$prefixes -Clinker=rust-lld -Clink-self-contained=yes" ;;
        *) echo "$prefixes" ;;
    esac
}

# What is the same for all targets: texts, manual pages and completions, from a program that runs here.
cargo build --locked --quiet
mkdir -p "$stage/common/man" "$stage/common/completions"
cp README.md CHANGELOG.md LICENSE-MIT LICENSE-APACHE "$stage/common/"
"$build/debug/netsift" man --dir "$stage/common/man"
for shell in bash zsh fish powershell elvish; do
    "$build/debug/netsift" completions "$shell" > "$stage/common/completions/netsift.$shell"
done

# A folder as an archive in which nothing depends on this machine.
packed() {
    local name=$1 format=$2
    find "$stage/$name" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +
    case $format in
        zip) (cd "$stage" && find "$name" -type f | sort | zip -q -X -9 "$out/$name.zip" -@) ;;
        tar.gz)
            tar --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" --format=ustar -C "$stage" -c "$name" |
                gzip -n -9 > "$out/$name.tar.gz"
            ;;
    esac
}

for target in "${targets[@]}"; do
    RUSTFLAGS="$(flags "$target")" cargo build --locked --quiet --profile "$profile" --target "$target"
    program="$build/$target/$profile/netsift"
    name="netsift-$version-$target"
    cp -r "$stage/common" "$stage/$name"
    case $target in
        *windows*)
            cp "$program.exe" "$stage/$name/"
            rm -f "$out/$name.zip"
            packed "$name" zip
            ;;
        *)
            install -m 755 "$program" "$stage/$name/netsift"
            packed "$name" tar.gz
            ;;
    esac
    # A static program is all that a package for any Debian needs.
    if [[ $target == *-linux-musl ]] && cargo deb --version > /dev/null 2>&1; then
        rm -rf target/debian-assets && mkdir -p target/debian-assets
        cp -r "$stage/common/man" "$stage/common/completions" target/debian-assets/
        gzip -n -9 target/debian-assets/man/*
        printf 'netsift (%s-1) unstable; urgency=low\n\n  * See /usr/share/doc/netsift/README.md.\n\n -- %s  %s\n' "$version" \
            "$(sed -n 's/^maintainer = "\(.*\)"/\1/p' Cargo.toml)" "$(date -u -R -d "@$SOURCE_DATE_EPOCH")" > target/debian-assets/changelog
        cargo deb --quiet --locked --no-build --profile "$profile" --target "$target" --output "$out/"
    fi
done

# What the program is made of.
if cargo cyclonedx --version > /dev/null 2>&1; then
    cargo cyclonedx --quiet --format json --target all --override-filename netsift.cdx
    mv netsift.cdx.json "$out/netsift-$version.cdx.json"
fi
(cd "$out" && rm -f SHA256SUMS netsift.json && sha256sum -- * > "$stage/SHA256SUMS" && mv "$stage/SHA256SUMS" .)
if [ -n "${NETSIFT_URL:-}" ]; then
    release/scoop.py "$NETSIFT_URL" "$version" "$out/SHA256SUMS" > "$out/netsift.json"
fi
ls -l "$out"
