#!/usr/bin/env bash
# Runs netsift over ssh on many machines that hold logs, and collects their partial results for `netsift merge`.
#
#   fleet.sh HOSTS PARTIALS PATH... [-- OPTION...]
#
# HOSTS lists what ssh connects to, one per line; blank lines and those that start with # are left out. PATHs are on the
# machines, and OPTIONs are netsift's. Each machine's result goes to PARTIALS/HOST.parquet; what is there already is not
# asked for again. Whatever is copied to a machine is removed from it.
#
# Environment: NETSIFT, the program for the machines [netsift]; COMMAND, detect or connections [detect]; JOBS, machines at a
# time [20]; SSH, the command that connects [ssh -o BatchMode=yes -o ConnectTimeout=30].
#
# Exit status: 0 all are there; 2 the command line is wrong; 3 some are not, and PARTIALS/failed lists which. That evidence
# on a machine could not be read is in its result, and `netsift merge` says it.
set -euo pipefail

usage() {
    echo "fleet.sh: ${1:-}: give HOSTS PARTIALS PATH... [-- OPTION...], for example fleet.sh hosts.txt partials/ /cases" >&2
    exit 2
}

# An argument as any POSIX shell reads it back.
quoted() {
    printf " '%s'" "${1//\'/\'\\\'\'}"
}

# Runs the program, which comes on standard input, on a machine; its result goes to standard output.
on_machine() {
    # What is not expanded here is for the machine.
    # shellcheck disable=SC2016
    printf '%s\n' 'set -eu; umask 077; folder=$(mktemp -d); trap "rm -rf \"$folder\"" EXIT; trap "exit 1" HUP INT TERM' \
        'cat > "$folder/netsift"; chmod 700 "$folder/netsift"; status=0' \
        "\"\$folder/netsift\" $ARGUMENTS > \"\$folder/report\" || status=\$?" \
        '[ "$status" = 0 ] || [ "$status" = 3 ] || exit "$status"; cat "$folder/partial"'
}

scan() {
    local host=$1 status=0
    # shellcheck disable=SC2086 # SSH is a command with its options.
    $SSH "$host" "$(on_machine)" < "$NETSIFT" > "$PARTIALS/.$host.part" || status=$?
    if [ "$status" = 0 ] && [ "$(tail -c 4 "$PARTIALS/.$host.part")" = PAR1 ]; then
        mv "$PARTIALS/.$host.part" "$PARTIALS/$host.parquet"
    else
        rm -f "$PARTIALS/.$host.part"
        echo "fleet.sh: $host: no result (exit status $status)" >&2
        return 1
    fi
}

(($# >= 3)) || usage "too few arguments"
HOSTS=$1 PARTIALS=$2
shift 2
ARGUMENTS="$(quoted "${COMMAND:-detect}") --quiet --partial \"\$folder/partial\""
PATHS=
while (($#)) && [ "$1" != -- ]; do
    PATHS+=$(quoted "$1")
    shift
done
[ -n "$PATHS" ] || usage "no path"
for option in "${@:2}"; do ARGUMENTS+=$(quoted "$option"); done
ARGUMENTS+=" --$PATHS"
NETSIFT=$(command -v "${NETSIFT:-netsift}") || usage "NETSIFT=${NETSIFT:-netsift}: no such program"
SSH=${SSH:-ssh -o BatchMode=yes -o ConnectTimeout=30}
export ARGUMENTS NETSIFT PARTIALS SSH
export -f on_machine scan

mkdir -p "$PARTIALS"
mapfile -t hosts < <(sed -e 's/#.*//' -e 's/[[:space:]]//g' -e '/^$/d' "$HOSTS" | sort -u)
for host in "${hosts[@]}"; do
    [[ $host =~ ^[A-Za-z0-9_][A-Za-z0-9@._:%-]*$ ]] || usage "$HOSTS: $host: not a name that ssh connects to"
done
missing() {
    for host in "${hosts[@]}"; do [ -e "$PARTIALS/$host.parquet" ] || echo "$host"; done
}
# Two tries each; which are not there then is what counts.
missing | PARALLEL_SHELL=$BASH parallel --will-cite --jobs "${JOBS:-20}" --retries 2 scan || true
missing > "$PARTIALS/failed"
if [ -s "$PARTIALS/failed" ]; then
    echo "fleet.sh: no result of $(wc -l < "$PARTIALS/failed") of ${#hosts[@]} machines: $PARTIALS/failed" >&2
    exit 3
fi
