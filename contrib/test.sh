#!/usr/bin/env bash
# Tests what is here, but for the Spark job (spark/test.sh). NETSIFT names the binary; without it, the debug build is made.
set -euo pipefail
cd "$(dirname "$0")/.."
out=target/contrib

. contrib/venv.sh contrib/requirements.txt "$out/venv"
if [ -z "${NETSIFT:-}" ]; then
    cargo build --locked --quiet
    NETSIFT=${CARGO_TARGET_DIR:-target}/debug/netsift
fi
NETSIFT=$(realpath "$NETSIFT")
export NETSIFT
python -m py_compile contrib/*/*.py
ruff check --no-cache --quiet --config contrib/ruff.toml contrib
if command -v shellcheck > /dev/null; then
    shellcheck contrib/venv.sh contrib/*/*.sh contrib/test.sh
fi
# GNU parallel, as root on a Debian machine.
if ! command -v parallel > /dev/null && [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null; then
    .ci/packages.sh parallel
fi
work=$(realpath "$(mktemp -d "$out/work.XXXXXX")")
trap 'rm -rf "$work"' EXIT

contrib/ssh/test.sh "$work"
python contrib/velociraptor/check.py "$NETSIFT"

mkdir "$work/partials"
for host in testdata/case/*; do
    "$NETSIFT" connections --quiet --partial "$work/partials/${host##*/}.parquet" "$host" > "$work/report"
done
# A log that is in two of them.
"$NETSIFT" connections --quiet --partial "$work/partials/again.parquet" testdata/case/WS01/Security.evtx > "$work/report"
"$NETSIFT" merge --quiet --rarity --raw-cells --group-by dvc,dest,process_name "$work/partials" > "$work/rarity.csv"
python contrib/duckdb/check.py "$work/partials" "$work/rarity.csv"
echo "contrib: the recipes work"
