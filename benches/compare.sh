#!/usr/bin/env bash
# Times whole commands over a folder of logs: netsift detect, netsift connections by four fields, by all and with a report of
# events, evtx_dump and cat, in turn, and prints medians and ratios. Only ratios of one run mean anything: machines differ, and so
# do their moods. Without a folder, it makes 512 MiB of logs that are full of connections.
#
# usage: benches/compare.sh [FOLDER] [RUNS]
set -euo pipefail
folder=$(realpath -m "${1:-$(dirname "$0")/../target/dense}")
runs=${2:-5}
cd "$(dirname "$0")/.."
cargo build --release --locked --quiet
netsift=${CARGO_TARGET_DIR:-target}/release/netsift
if [ $# -eq 0 ] && [ ! -e "$folder" ]; then
    cargo bench --locked --quiet --bench dense -- "$folder"
fi
if ! command -v evtx_dump >/dev/null; then
    cargo install evtx --version 0.15.1 --root target/tools --quiet
    PATH=$PWD/target/tools/bin:$PATH
fi

detect() { "$netsift" detect --quiet "$folder"; }
four_fields() { "$netsift" connections --quiet --group-by dvc,process_name,dest_ip,dest_port "$folder"; }
connections() { "$netsift" connections --quiet "$folder"; }
events() { "$netsift" connections --quiet --events /dev/null "$folder"; }
# One log after another, each with all threads, as its users run it.
evtx_dump_jsonl() { find "$folder" -iname '*.evtx' -exec evtx_dump -o jsonl {} \; ; }
cat_files() { find "$folder" -iname '*.evtx' -exec cat {} +; }

commands=(cat_files detect four_fields connections events evtx_dump_jsonl)
times=$(mktemp)
trap 'rm -f "$times"' EXIT
for command in "${commands[@]}"; do "$command" >/dev/null 2>&1 || true; done # warm the cache
for ((run = 0; run < runs; run++)); do
    for command in "${commands[@]}"; do
        start=$(date +%s%N)
        "$command" >/dev/null 2>&1 || true
        echo "$command $(($(date +%s%N) - start))" >>"$times"
    done
done

median() { awk -v c="$1" '$1 == c { print $2 }' "$times" | sort -n | awk '{ t[NR] = $1 } END { print t[int((NR + 1) / 2)] / 1e9 }'; }
size=$(find "$folder" -iname '*.evtx' -printf '%s\n' | awk '{ s += $1 } END { print s / 1e9 }')
reference=$(median cat_files)
dump=$(median evtx_dump_jsonl)
printf '%-18s %9s %8s %11s %22s\n' command seconds GB/s 'times cat' 'faster than evtx_dump'
for command in "${commands[@]}"; do
    awk -v c="$command" -v t="$(median "$command")" -v s="$size" -v r="$reference" -v d="$dump" \
        'BEGIN { printf "%-18s %9.3f %8.2f %11.2f %22.2f\n", c, t, s / t, t / r, d / t }'
done
