# shellcheck shell=bash
# Sourced: puts a virtual environment with what a requirements file lists first on the path. `. venv.sh REQUIREMENTS FOLDER`

# A bare Debian has no python3, or one without venv.
if ! python3 -c 'import venv, ensurepip' 2> /dev/null && [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null; then
    .ci/packages.sh python3 python3-venv
fi
if ! cmp -s "$1" "$2/requirements.txt"; then
    rm -rf "$2"
    mkdir -p "$2"
    python3 -m venv "$2"
    "$2/bin/pip" install --quiet --disable-pip-version-check --requirement "$1"
    cp "$1" "$2/requirements.txt"
fi
PATH="$PWD/$2/bin:$PATH"
# Nothing is written beside the code.
export PYTHONPYCACHEPREFIX="$PWD/target/pycache"
