#!/usr/bin/env bash
# Checks what release/make.sh made, and says so: release/check.sh FOLDER. Each check is said as it fails; all are made before it ends. What
# has no tool here (lintian, dpkg-deb, unzip, an emulator) is skipped with a message.
set -euo pipefail
out="$(cd "${1:?usage: release/check.sh FOLDER}" && pwd)"
cd "$(dirname "$0")/.."
export LC_ALL=C
version="$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)"
stage="$(mktemp -d)"
trap 'rm -rf "$stage"' EXIT
failures=0

failed() {
    echo "$0: $*" >&2
    failures=$((failures + 1))
}

# Whether a tool is there.
have() {
    command -v "$1" > /dev/null && return
    echo "skipped: $2: $1 is not installed" >&2
    return 1
}

# All files have their sums, and the sums are right.
sums() {
    (cd "$out" && sha256sum --quiet --strict --check SHA256SUMS) || failed "SHA256SUMS: not the sums of these files"
    local path name
    for path in "$out"/*; do
        name="${path##*/}"
        case $name in
            SHA256SUMS | netsift.json) ;;
            netsift-"$version"-* | netsift_"$version"-*) grep -q "  $name\$" "$out/SHA256SUMS" || failed "SHA256SUMS: no $name" ;;
            *) failed "$path: not of version $version" ;;
        esac
    done
}

# A program is for the processor and the system that its target says, needs no library that a system may lack, and names no path of the
# machine that it was built on, as far as this is that machine.
built() {
    local program=$1 target=$2 header path
    case $target in
        *-linux-musl)
            header="$(readelf --file-header --program-headers --wide "$program")"
            [[ $header != *INTERP* ]] || failed "$program: not static"
            case $target in
                x86_64-*) [[ $header == *"Advanced Micro Devices X86-64"* ]] ;;
                aarch64-*) [[ $header == *AArch64* ]] ;;
            esac || failed "$program: not for $target"
            ;;
        x86_64-pc-windows-gnu)
            # Where the header of a PE file is, and in it the processor: 0x8664.
            local at
            at="$(od -An -tu4 -j60 -N4 "$program")"
            [ "$(od -An -tx1 -j$((at)) -N6 "$program")" = " 50 45 00 00 64 86" ] || failed "$program: not for $target"
            ;;
        *) failed "$program: nothing is known of $target" ;;
    esac
    for path in "$PWD" "$(realpath -m "${CARGO_TARGET_DIR:-target}")" "${CARGO_HOME:-$HOME/.cargo}" "$(rustc --print sysroot)"; do
        ! grep -qaF -- "$path" "$program" || failed "$program: it names $path"
    done
}

# What runs a program of a target on this machine: nothing, or an emulator. Fails if there is none.
runner() {
    if [[ $1 == "$(uname -m)"-*-"$(uname -s | tr '[:upper:]' '[:lower:]')"-* ]]; then return; fi
    command -v "qemu-${1%%-*}-static" || command -v "qemu-${1%%-*}" || return 1
}

# A program says the version that is released, finds in the test case what it has to, and has these manual pages.
works() {
    local program=$1 target=$2 man=$3 run
    if [[ $target == *windows* ]] || ! run="$(runner "$target")"; then
        echo "skipped: $program: nothing here runs a program for $target" >&2
        return
    fi
    local command=(${run:+"$run"} "$program")
    [ "$("${command[@]}" --version)" = "netsift $version" ] || failed "$program: not version $version"
    "${command[@]}" detect --quiet testdata/case | cmp - testdata/expected/detect.csv || failed "$program: not the report that it has to write"
    "${command[@]}" man --dir "$stage/man-$target" || failed "$program: no manual pages"
    diff -r "$stage/man-$target" "$man" || failed "$program: not its manual pages"
}

# An archive has one folder of its name, with what belongs in it and nothing else.
archive() {
    local path=$1 name=$2 target=$3 program=netsift folder="$stage/archives"
    mkdir -p "$folder"
    case $path in
        *.zip)
            program=netsift.exe
            have unzip "$path" || return 0
            unzip -q "$path" -d "$folder"
            ;;
        *.tar.gz) tar -xzf "$path" -C "$folder" ;;
    esac
    folder="$folder/$name"
    local file
    while read -r file; do
        case $file in
            "$program" | README.md | CHANGELOG.md | LICENSE-MIT | LICENSE-APACHE | LICENSES-CRATES.txt) ;;
            man/netsift.1 | man/netsift-*.1 | completions/netsift.*) ;;
            *) failed "$path: $file does not belong in it" ;;
        esac
    done < <(cd "$folder" && find . -type f -printf '%P\n')
    for file in "$program" README.md CHANGELOG.md LICENSE-{MIT,APACHE} LICENSES-CRATES.txt man/netsift{,-detect}.1 \
        completions/netsift.{bash,zsh,fish,powershell,elvish}; do
        [ -s "$folder/$file" ] || failed "$path: no $file"
    done
    grep -q "\"netsift $version\"" "$folder/man/netsift.1" || failed "$path: manual pages of another version"
    [ -x "$folder/$program" ] || failed "$path: $program cannot be run"
    built "$folder/$program" "$target"
    works "$folder/$program" "$target" "$folder/man"
}

# A package has the program of the archive, with its licences, and lintian has nothing against it.
package() {
    local path=$1 target=$2 root="$stage/root-$2"
    have dpkg-deb "$path" || return 0
    dpkg-deb -x "$path" "$root"
    local file
    for file in usr/bin/netsift usr/share/doc/netsift/{copyright,changelog{,.Debian}.gz,LICENSES-CRATES.txt.gz,README.md} usr/share/man/man1/netsift{,-detect}.1.gz \
        usr/share/bash-completion/completions/netsift usr/share/zsh/vendor-completions/_netsift \
        usr/share/fish/vendor_completions.d/netsift.fish; do
        [ -s "$root/$file" ] || failed "$path: no $file"
    done
    [[ "$(dpkg-deb -f "$path" Version)" == "$version"-* ]] || failed "$path: not version $version"
    [ -z "$(dpkg-deb -f "$path" Depends)" ] || failed "$path: it depends on something"
    cmp "$root/usr/bin/netsift" "$stage/archives/netsift-$version-$target/netsift" || failed "$path: not the program of the archive"
    if have lintian "what lintian has against $path"; then
        lintian --fail-on error,warning "$path" || failed "$path: see lintian"
    fi
}

# A list of crates is of this version, and has every crate that its program names in the places of panics.
crates() {
    local path=$1 program=$2
    python3 - "$path" "$version" "$program" << 'PYTHON' || failed "$path: not a list of what is in netsift $version"
import json, re, sys
path, version, program = sys.argv[1:]
with open(path) as file:
    text = file.read()
bom = json.loads(text)
top = bom["metadata"]["component"]
assert (bom["bomFormat"], top["name"], top["version"]) == ("CycloneDX", "netsift", version), top
assert "serialNumber" not in bom and "file:///" not in text
assert all(component["licenses"] and component["hashes"] for component in bom["components"])
with open(program, "rb") as file:
    named = {name.decode() for name in re.findall(rb"crates/([A-Za-z0-9_-]+-[0-9][0-9A-Za-z.+-]*)/src/", file.read())}
assert len(named) > 20, named
assert not named - {f"{crate['name']}-{crate['version']}" for crate in bom["components"]}
PYTHON
}

# Where cargo binstall looks for an archive, for each target that it has one for: there is a file of that name, with the program at that
# place in it.
binstall() {
    python3 - "$out" "$version" << 'PYTHON' || failed "Cargo.toml: cargo binstall would not find the archives"
import pathlib, sys, tarfile, tomllib, zipfile
out, version = pathlib.Path(sys.argv[1]), sys.argv[2]
with open("Cargo.toml", "rb") as file:
    settings = tomllib.load(file)["package"]["metadata"]["binstall"]
with open("release/targets") as file:
    released = [line.strip() for line in file if line.strip() and not line.startswith("#")]
for target in {*released, *settings["overrides"]}:
    own = {**settings, **settings["overrides"].get(target, {})}
    assert own["pkg-fmt"] == ("zip" if "windows" in target else "tgz"), target
    ending, program = (".zip", ".exe") if own["pkg-fmt"] == "zip" else (".tar.gz", "")
    values = {"repo": "", "version": version, "target": target, "archive-suffix": ending, "bin": "netsift", "binary-ext": program}
    url, place = own["pkg-url"], own["bin-dir"]
    for name, value in values.items():
        url, place = (text.replace(f"{{ {name} }}", value) for text in (url, place))
    archive = url.removeprefix(f"/releases/download/v{version}/")
    assert archive in {f"netsift-{version}-{name}{'.zip' if 'windows' in name else '.tar.gz'}" for name in released}, (target, url)
    if (out / archive).exists():
        files = zipfile.ZipFile(out / archive).namelist() if ending == ".zip" else tarfile.open(out / archive).getnames()
        assert place in files, (target, place)
PYTHON
}

sums
binstall
archives=0
for path in "$out"/netsift-"$version"-*.{tar.gz,zip}; do
    [ -e "$path" ] || continue
    name="$(basename "${path%.zip}" .tar.gz)"
    target="${name#netsift-"$version"-}"
    archive "$path" "$name" "$target"
    archives=$((archives + 1))
    if [ -e "$out/$name.cdx.json" ]; then crates "$out/$name.cdx.json" "$stage/archives/$name/netsift"*; else echo "skipped: $out/$name.cdx.json: it was not made" >&2; fi
done
[ "$archives" -gt 0 ] || failed "$out: no archive of version $version"
for path in "$out"/*.deb; do
    [ -e "$path" ] || continue
    case $path in
        *_amd64.deb) package "$path" x86_64-unknown-linux-musl ;;
        *_arm64.deb) package "$path" aarch64-unknown-linux-musl ;;
        *) failed "$path: for which target?" ;;
    esac
done
if [ -e "$out/netsift.json" ]; then
    hash="$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["architecture"]["64bit"]["hash"])' "$out/netsift.json")"
    grep -q "^$hash  netsift-$version-x86_64-pc-windows-gnu.zip\$" "$out/SHA256SUMS" || failed "$out/netsift.json: not the hash of the archive"
fi
[ "$failures" = 0 ] || exit 1
echo "$out: all that is there of version $version is as it should be"
