#!/usr/bin/env bash
# Opens pages of `netsift --html` in Debian's chromium and in its firefox-esr, headless, and tries what a person would do with them.
# What it needs it installs, as root on a Debian machine. Screenshots go to target/tmp/browser/; `run.sh --picture` also writes
# docs/report.png.
set -euo pipefail
cd "$(dirname "$0")/../.."

missing=()
command -v chromium > /dev/null || missing+=(chromium)
command -v chromedriver > /dev/null || missing+=(chromium-driver)
command -v firefox-esr > /dev/null || missing+=(firefox-esr)
command -v python3 > /dev/null || missing+=(python3)
if ((${#missing[@]})); then .ci/packages.sh "${missing[@]}" fonts-dejavu-core; fi

target=${CARGO_TARGET_DIR:-target}
work=$target/tmp/browser
cargo build --locked --quiet
cargo test --locked --quiet --test cli -- --ignored --exact html::logs_for_the_browser > /dev/null
page() {
    local name=$1
    shift
    "$target/debug/netsift" "$1" --quiet --force -o "$work/$name.csv" --html "$work/$name.html" "${@:2}"
}
groups=dvc,user,app,process_name,dest,dest_ip,dest_port,transport,direction
page case detect --case 'Case 7: <b>WS01</b>' --manifest "$work/case.json" testdata/case
page connections connections --direction inbound testdata/case
page one detect --host SRV03 testdata/case
page story detect --case 'Finance, March 2024' "$work/story"
page many detect --group-by $groups "$work/many"
page hostile detect "$work/hostile"
page nothing detect "$work/nothing"
page rules detect --rules tests/sigma/rules --group-by dvc,process_name,dest,dest_port testdata/case
page one-rule detect --rule none --rules tests/sigma/rules/every_connection.yml --group-by dvc,dest testdata/case
page filtered detect --since 2024-03-05T15:00:00Z --host 'WS*' --port 443 testdata/case
page outside detect --host nowhere testdata/case
for host in testdata/case/* "$work/hostile"; do
    for kind in groups events; do
        mkdir -p "$work/$kind"
        more=()
        [[ $kind == groups ]] || more=(--partial-events)
        "$target/debug/netsift" detect --quiet --force -o "$work/part.csv" --partial "$work/$kind/${host##*/}.parquet" "${more[@]}" "$host"
    done
done
page fleet merge --rarity --group-by dvc,process_name,dest,dest_ip,dest_port "$work/groups"
page fleet-events merge --rarity "$work/events"
page few-fields merge --group-by process_name,dest_port "$work/groups"
"$target/debug/netsift" detect --quiet --force -o "$work/part.csv" --partial "$work/rules.parquet" --rules tests/sigma/rules testdata/case
page fleet-rules merge --rarity "$work/rules.parquet"

# Side by side, since they mostly wait.
python3 tests/browser/drive.py "$work" firefox > "$work/firefox.log" 2>&1 &
firefox=$! failed=0
python3 tests/browser/drive.py "$work" chromium || failed=$?
wait "$firefox" || failed=$?
cat "$work/firefox.log"
if ((failed)); then exit 1; fi
if [[ ${1:-} == --picture ]]; then
    mkdir -p docs
    cp "$work/story-picture.png" docs/report.png
fi
