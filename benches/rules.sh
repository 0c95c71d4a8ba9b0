#!/usr/bin/env bash
# What Sigma rules cost over a folder of logs: netsift connections, netsift detect with a folder of rules, and the same with a
# hundred more of the kinds in SigmaHQ's collection, which are made here. They run in turn, and ratios are of runs side by
# side, of wall clock and of processor time. Prints their medians. NETSIFT names the binary, by its whole path, if it is not
# to be built.
#
# usage: benches/rules.sh FOLDER RULES [RUNS]
set -euo pipefail
usage='usage: benches/rules.sh FOLDER RULES [RUNS]'
folder=$(realpath "${1:?$usage}")
rules=$(realpath "${2:?$usage}")
runs=${3:-15}
cd "$(dirname "$0")/.."
if [ -z "${NETSIFT:-}" ]; then
    cargo build --release --locked --quiet
    NETSIFT=${CARGO_TARGET_DIR:-target}/release/netsift
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/more"

# The part of a rule that says what it is, about as long as the collection's.
head_of() {
    cat <<YAML
title: Network Connection Of Kind $2 Number $1
id: 00000000-0000-4000-8000-$(printf %012d "$1")
status: test
description: |
    Detects a network connection that is initiated by a program or to a place that number $1 stands for.
    It is as long as what authors of rules write here, since that has to be read as well: what the technique is, which
    programs are known to be used for it, what an attacker gains, and how an analyst can tell such a connection from
    one that is expected on the host, with the settings of the sensor that have to be made for it to be logged at all.
references:
    - https://rules.example/network/connections/$1
    - https://blog.example/2024/01/01/a-longer-title-of-an-article-about-this-technique-$1
    - https://vendor.example/threat-intelligence/reports/a-group-that-uses-it-against-many-sectors-$1
    - https://learn.vendor.example/en-us/windows/security/a-page-about-the-program-that-is-misused?id=$1
author: A. Person (@person), B. Person
date: 2024-01-01
modified: 2024-07-16
tags:
    - attack.command-and-control
    - attack.t1105
logsource:
    category: network_connection
    product: windows
detection:
YAML
}

local_networks() {
    printf "    filter_main_local:\n        DestinationIp|cidr:\n"
    printf "            - '%s'\n" 127.0.0.0/8 10.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.168.0.0/16 ::1/128 fe80::/10 fc00::/7
}

# The detection of rule $1, of one of five kinds.
detection_of() {
    local n=$1
    case $((n % 5)) in
        0) printf "    selection:\n        Initiated: 'true'\n        Image|endswith: '\\\\tool%d.exe'\n" "$n"
            local_networks ;;
        1) printf "    selection:\n        Initiated: 'true'\n        DestinationHostname|endswith:\n"
            for host in a b c d e f g h i j k l m n; do
                printf "            - '.%s.service%d.%s'\n" $host "$n" com $host "$n" net
            done
            printf "    filter_main_browsers:\n        Image|endswith:\n"
            printf "            - '\\\\%s.exe'\n" chrome firefox msedge brave opera
            printf "    filter_optional_path:\n        Image|startswith:\n"
            printf "            - 'C:\\\\%s\\\\Vendor %d\\\\'\n" 'Program Files' "$n" 'Program Files (x86)' "$n" ;;
        2) printf "    selection:\n        Initiated: 'true'\n        DestinationPort:\n"
            printf "            - %d\n" $((1024 + n)) $((2048 + n)) $((4096 + 7 * n))
            printf "        Image|contains:\n            - '\\\\Users\\\\Public\\\\Folder%d\\\\'\n            - '\\\\Temp%d\\\\'\n" "$n" "$n"
            local_networks ;;
        3) printf "    selection_image:\n        - Image|endswith:\n            - '\\\\one%d.exe'\n            - '\\\\two%d.exe'\n" "$n" "$n"
            printf "        - Image: 'C:\\\\Windows\\\\System32\\\\three%d.exe'\n" "$n"
            printf "    selection_ports:\n        DestinationPort:\n            - 80\n            - 443\n            - %d\n" $((8000 + n))
            printf "    filter_main_user:\n        User|contains: 'AUTHORI'\n" ;;
        4) printf "    selection_host:\n        DestinationHostname|contains: 'api%d.'\n" "$n"
            printf "    selection_image:\n        Image|contains|all:\n            - 'Office%d'\n            - 'Root'\n" "$n"
            printf "    selection_network:\n        DestinationIp|cidr: '203.0.%d.0/24'\n        SourcePort: %d\n" "$n" $((1024 + n))
            local_networks ;;
    esac
    case $((n % 5)) in
        4) echo "    condition: 1 of selection_* and not 1 of filter_main_*" ;;
        3) echo "    condition: all of selection_* and not 1 of filter_main_*" ;;
        1) echo "    condition: selection and not 1 of filter_main_* and not 1 of filter_optional_*" ;;
        *) echo "    condition: selection and not 1 of filter_main_*" ;;
    esac
    printf "falsepositives:\n    - Legitimate use of the program\nlevel: medium\n"
}

for ((n = 0; n < 100; n++)); do
    { head_of "$n" $((n % 5)); detection_of "$n"; } >"$work/more/rule$n.yml"
done

connections() { "$NETSIFT" connections --quiet "$folder"; }
rules() { "$NETSIFT" detect --quiet --rules "$rules" "$folder"; }
rules_and_100() { "$NETSIFT" detect --quiet --rules "$rules" --rules "$work/more" "$folder"; }

commands=(connections rules rules_and_100)
# Also warms the cache.
for command in "${commands[@]}"; do
    status=0
    "$command" >/dev/null 2>"$work/stderr" || status=$?
    # With status 3, some of the evidence could not be read.
    [ "$status" = 0 ] || [ "$status" = 3 ] || { cat "$work/stderr" >&2; exit 1; }
done
"$NETSIFT" rules check "$work/more" | grep -qx '100 loaded, 0 not loaded' || {
    echo "benches/rules.sh: not all of the rules that were made are loaded" >&2
    exit 1
}
TIMEFORMAT='%R %U %S'
for ((run = 0; run < runs; run++)); do
    for command in "${commands[@]}"; do
        { time "$command" >/dev/null 2>&1 || true; } 2>"$work/time"
        awk -v r="$run" -v c="$command" '{ print r, c, $1, $2 + $3 }' "$work/time" >>"$work/times"
    done
done

median() { sort -n | awk '{ t[NR] = $1 } END { print t[int((NR + 1) / 2)] }'; }
seconds() { awk -v c="$1" -v f="$2" '$2 == c { print $f }' "$work/times" | median; }
# Medians of the ratio of one command to another, run by run.
ratio() {
    awk -v a="$1" -v b="$2" -v f="$3" '$2 == a { x[$1] = $f } $2 == b { y[$1] = $f }
        END { for (r in x) if (y[r] > 0) print x[r] / y[r] }' "$work/times" | median
}
printf '%-32s %9s %9s\n' "medians of $runs runs in turn" wall processor
for command in "${commands[@]}"; do
    printf '%-32s %9.3f %9.3f\n' "$command, seconds" "$(seconds "$command" 3)" "$(seconds "$command" 4)"
done
printf '%-32s %9.2f %9.2f\n' 'rules / connections' "$(ratio rules connections 3)" "$(ratio rules connections 4)"
printf '%-32s %9.2f %9.2f\n' 'rules_and_100 / rules' "$(ratio rules_and_100 rules 3)" "$(ratio rules_and_100 rules 4)"
