#!/usr/bin/env bash
# Checks what `--events` writes against those that read it (check.py): Timesketch's importer, the fields of the Elastic Common
# Schema from Elastic's own package, and the reference implementation of the Community ID. NETSIFT names the binary to check; without it, the
# debug build is made and checked.
set -euo pipefail
cd "$(dirname "$0")/../.."
out=target/events

. contrib/venv.sh tests/events/requirements.txt "$out/venv"
if [ -z "${NETSIFT:-}" ]; then
    cargo build --locked --quiet
    NETSIFT=${CARGO_TARGET_DIR:-target}/debug/netsift
fi
# Elastic's package has the fields as data, so that nothing of it is built or run but what exports them.
ecs=@elastic/ecs@9.4.0
schema=$out/ecs-9.4.0.json
if [ ! -s "$schema" ]; then
    if ! command -v npm > /dev/null; then
        echo "tests/events: skipped, there is no npm"
        exit 0
    fi
    mkdir -p "$out"
    (cd "$out" && tar xzf "$(npm pack --silent "$ecs")")
    node -e 'process.stdout.write(JSON.stringify(require(process.argv[1]).EcsFlat))' \
        "$PWD/$out/package/build/commonjs/index.js" > "$schema.part"
    mv "$schema.part" "$schema"
fi

work=$(mktemp -d "$out/work.XXXXXX")
trap 'rm -rf "$work"' EXIT
logs=(testdata/case)
# Real logs, some of them damaged, where they are at hand.
[ ! -d ../shared/samples/sysmon ] || logs+=(../shared/samples/sysmon ../shared/samples/security)
echo 8.8.8.0/24 > "$work/watched.txt"
for format in csv jsonl timesketch ecs; do
    name=$work/$format.jsonl
    [ "$format" != csv ] || name=$work/csv.csv
    status=0
    "$NETSIFT" connections --quiet --source all --context --rules tests/sigma/rules --watchlist "$work/watched.txt" --raw-cells -o "$work/report-$format.csv" \
        --events "$name" --events-format "$format" "${logs[@]}" 2> "$work/stderr" || status=$?
    # With status 3, some of the evidence could not be read, which is so for all formats.
    if [ "$status" != 0 ] && [ "$status" != 3 ]; then
        cat "$work/stderr" >&2
        echo "tests/events: $NETSIFT failed with status $status" >&2
        exit 1
    fi
done
python tests/events/check.py "$work" "$schema"
