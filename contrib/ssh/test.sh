#!/usr/bin/env bash
# Tests fleet.sh in a folder, with a stand-in for ssh: a machine is a folder, in which a command runs. test.sh starts it.
set -euo pipefail
cd "$(dirname "$0")/../.."
work=$1/ssh

if ! command -v parallel > /dev/null; then
    echo "contrib/ssh: skipped, there is no GNU parallel"
    exit 0
fi
mkdir -p "$work/tmp" "$work/machines/gone"
for folder in testdata/case/*; do
    host=root@${folder##*/}
    mkdir -p "$work/machines/$host"
    cp -r "$folder" "$work/machines/$host/it's \$here"
done
cat > "$work/ssh" <<'EOS'
#!/bin/sh
# The first machine that is asked fails once; one cannot be reached.
[ "$1" = gone ] && exit 255
cd "${0%/*}/machines/$1" || exit 255
if mkdir "${0%/*}/marker" 2> /dev/null; then exit 255; fi
TMPDIR=${0%/*}/tmp exec sh -c "$2"
EOS
chmod +x "$work/ssh"
printf '# machines\n\nroot@WS01\nroot@WS02 # a comment\nroot@WS03\n  root@WEC01\ngone\n' > "$work/hosts"

run() {
    status=0
    SSH="$work/ssh" COMMAND=connections JOBS=2 contrib/ssh/fleet.sh "$work/hosts" "$work/partials" "it's \$here" \
        -- --user '*' --group-by 'dvc,dest' 2> "$work/told" || status=$?
}
fails() {
    echo "contrib/ssh: $1" >&2
    cat "$work/told" >&2
    exit 1
}
run
[ "$status" = 3 ] || fails "exit status $status, not 3"
[ "$(cat "$work/partials/failed")" = gone ] || fails "failed is not gone alone"
[ -d "$work/marker" ] || fails "no machine failed once"
[ -z "$(ls -A "$work/tmp")" ] || fails "something was left on a machine"
"$NETSIFT" merge --quiet "$work/partials" > "$work/merged.csv"
"$NETSIFT" connections --quiet --user '*' --group-by dvc,dest testdata/case | cmp - "$work/merged.csv" || fails "other groups"

# What is there is not asked for again, and the rest is.
sed -i '/gone/d' "$work/hosts"
rm "$work/partials/root@WS01.parquet"
touch "$work/before"
run
[ "$status" = 0 ] || fails "exit status $status, not 0"
[ "$(find "$work/partials" -name '*.parquet' -newer "$work/before")" = "$work/partials/root@WS01.parquet" ] || fails "asked again"

echo '-oProxyCommand=x' >> "$work/hosts"
run
[ "$status" = 2 ] || fails "an option was taken for a machine"
