#!/usr/bin/env bash
# Installs packages of Debian, as root: packages.sh PACKAGE...
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive
# One at a time, since checks run side by side.
exec 9> "${TMPDIR:-/tmp}/netsift-packages.lock"
flock 9
apt-get update -qq
apt-get install -y -qq --no-install-recommends "$@" > /dev/null 9>&-
