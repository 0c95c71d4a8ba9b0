#!/usr/bin/env bash
# Runs the command-line tests of the program for Windows in Wine, which is installed where there is none, as root on a Debian machine.
# Skipped where the standard library for it cannot be had. What Wine cannot do, the tests skip by name.
set -euo pipefail
cd "$(dirname "$0")/.."
target=x86_64-pc-windows-gnu
# What does not depend on the system is tested on Linux: which records are connections, rules, joins, the page, real logs.
elsewhere=(beacons builtin context detection ends exports filters formats html interchange joined labels page samples security sigma testdata verdicts)

missing=()
[ -x /usr/lib/wine/wine64 ] || missing+=(wine64)
command -v x86_64-w64-mingw32-gcc > /dev/null || missing+=(gcc-mingw-w64-x86-64)
if ((${#missing[@]})); then .ci/packages.sh "${missing[@]}"; fi
.ci/target.sh $target || exit 0

CARGO_TARGET_DIR="$(mkdir -p "${CARGO_TARGET_DIR:-target}/windows" && cd "${CARGO_TARGET_DIR:-target}/windows" && pwd)"
export CARGO_TARGET_DIR WINEPREFIX="$CARGO_TARGET_DIR/wine" WINEDEBUG=-all
export CARGO_TARGET_X86_64_PC_WINDOWS_GNU_RUNNER=/usr/lib/wine/wine64
trap '/usr/lib/wine/wineserver64 -k || true' EXIT
cargo test --locked --quiet --no-run --target $target --test cli

# Wine 8 lacks the library that the standard library takes its random numbers from. Its one function is a call of another.
folder="$CARGO_TARGET_DIR/$target/debug"
x86_64-w64-mingw32-gcc -shared -x c -o "$folder/bcryptprimitives.dll" - -ladvapi32 << 'C'
#include <windows.h>
#include <ntsecapi.h>
__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE data, SIZE_T size) { return RtlGenRandom(data, (ULONG)size); }
C
cp "$folder/bcryptprimitives.dll" "$folder/deps/"
/usr/lib/wine/wine64 wineboot --init > /dev/null 2>&1

skipped=(--skip real_logs)
for module in "${elsewhere[@]}"; do skipped+=(--skip "$module::"); done
cargo test --locked --target $target --test cli -- --test-threads 2 "${skipped[@]}"
# The same evidence gives the same bytes.
/usr/lib/wine/wine64 "$folder/netsift.exe" detect --quiet testdata/case | cmp - testdata/expected/detect.csv
