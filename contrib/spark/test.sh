#!/usr/bin/env bash
# Runs the Spark job in Spark's local mode and compares its reports with netsift's own (check.py). NETSIFT names the binary;
# without it, the debug build is made. Skipped where there is no Java.
set -euo pipefail
cd "$(dirname "$0")/../.."
here=contrib/spark
out=target/contrib/spark

if ! java -version > /dev/null 2>&1; then
    echo "$here: skipped, there is no Java"
    exit 0
fi
. contrib/venv.sh "$here/requirements.txt" "$out/venv"
python -m py_compile "$here"/*.py
ruff check --no-cache --quiet --config contrib/ruff.toml contrib
if [ -z "${NETSIFT:-}" ]; then
    cargo build --locked --quiet
    NETSIFT=${CARGO_TARGET_DIR:-target}/debug/netsift
fi
work=$(mktemp -d "$out/work.XXXXXX")
trap 'rm -rf "$work"' EXIT
# Four tries a task. What Spark says of the tasks that the test kills is kept, and shown if it fails.
if ! spark-submit --master 'local[2,4]' --conf spark.ui.enabled=false --conf spark.sql.shuffle.partitions=2 \
    "$here/check.py" "$NETSIFT" "$work" > "$work/told" 2>&1; then
    cat "$work/told" >&2
    exit 1
fi
echo "$here: the groups are those of netsift"
