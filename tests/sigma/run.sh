#!/usr/bin/env bash
# Checks the verdicts of `detect --rules` over the sample logs against pySigma with its SQLite backend (verdicts.py).
# NETSIFT names the binary to check; without it, the debug build is made and checked.
set -euo pipefail
cd "$(dirname "$0")/../.."
samples=../shared/samples/sysmon
rules=(../shared/sigma tests/sigma/rules)
out=target/sigma
venv=$out/venv

if [ ! -d ../shared/samples ]; then
    echo "tests/sigma: skipped, there is no ../shared/samples"
    [ "${CI:-}" != true ] || { echo "tests/sigma: in CI the samples have to be there" >&2; exit 1; }
    exit 0
fi

# A bare Debian has no python3, or one without venv.
if ! python3 -c 'import venv, ensurepip' 2>/dev/null && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    .ci/packages.sh python3 python3-venv
fi
if ! cmp -s tests/sigma/requirements.txt "$venv/requirements.txt"; then
    rm -rf "$venv"
    mkdir -p "$out"
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check --requirement tests/sigma/requirements.txt
    cp tests/sigma/requirements.txt "$venv/requirements.txt"
fi
if [ -z "${NETSIFT:-}" ]; then
    cargo build --locked --quiet
    NETSIFT=${CARGO_TARGET_DIR:-target}/debug/netsift
fi
rm -f "$out/report.csv" "$out/events.csv"
options=()
for folder in "${rules[@]}"; do options+=(--rules "$folder"); done
status=0
"$NETSIFT" detect --rule none "${options[@]}" --exclusions none -o "$out/report.csv" --events "$out/events.csv" \
    "$samples" 2>"$out/stderr.txt" || status=$?
# With status 3, something was not read: the rules that it names, which verdicts.py looks for, or records, which differ.
if [ "$status" != 0 ] && [ "$status" != 3 ]; then
    cat "$out/stderr.txt" >&2
    echo "tests/sigma: $NETSIFT failed with status $status" >&2
    exit 1
fi
"$venv/bin/python" tests/sigma/verdicts.py --samples "$samples" "${options[@]}" --self-test --synthetic "$out" \
    --events "$out/events.csv" --stderr "$out/stderr.txt"
