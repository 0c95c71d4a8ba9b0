#!/usr/bin/env bash
# Whether a release is the same bytes, wherever it is made: release/twice.sh FOLDER [TARGET...]
#
# Makes what is released twice, from clones in different folders of FOLDER, with other folders for what is built, other permissions of the
# sources, and another time zone. Compares the sums, and checks the files with release/check.sh. What is not committed is released as if it
# were. FOLDER/files has what came of it. FOLDER can be used again: then only what changed is built.
set -euo pipefail
mkdir -p "${1:?usage: release/twice.sh FOLDER [TARGET...]}"
folder="$(cd "$1" && pwd)"
shift
cd "$(dirname "$0")/.."

# The checkout as it stands, as a commit of the time of the last one, that no branch has.
index="$(mktemp -u)"
trap 'rm -f "$index"' EXIT
export GIT_INDEX_FILE="$index" GIT_{AUTHOR,COMMITTER}_{NAME,EMAIL}=netsift
GIT_COMMITTER_DATE="$(git log -1 --format=%cI)"
export GIT_COMMITTER_DATE GIT_AUTHOR_DATE="$GIT_COMMITTER_DATE"
git add --all
commit="$(git commit-tree -m 'as it stands' "$(git write-tree)")"
unset GIT_INDEX_FILE

# A checkout of that commit in a folder. Files that are as they were keep their times, so that cargo builds again only what changed.
clone() {
    git init --quiet "$1"
    git rev-parse --path-format=absolute --git-path objects > "$1/.git/objects/info/alternates"
    git -C "$1" checkout --quiet --force --detach "$commit"
}

rm -rf "$folder/files" "$folder/files-again"
(umask 022 && clone "$folder/one")
(umask 077 && clone "$folder/another/place/netsift")
target="${CARGO_TARGET_DIR:-$folder/target}"
CARGO_TARGET_DIR="$(mkdir -p "$target" && cd "$target" && pwd)" TZ=UTC "$folder/one/release/make.sh" "$folder/files" "$@"
(unset CARGO_TARGET_DIR && umask 077 && TZ=Asia/Kathmandu "$folder/another/place/netsift/release/make.sh" "$folder/files-again" "$@" > /dev/null)
diff "$folder/files/SHA256SUMS" "$folder/files-again/SHA256SUMS"
CARGO_TARGET_DIR="$target" "$folder/one/release/check.sh" "$folder/files"
