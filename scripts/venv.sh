#!/bin/sh
# venv.sh FOLDER REQUIREMENT...: a virtual environment in FOLDER with these requirements, from the first Python >= 3.10.
# Does nothing where it is there already and neither the requirements nor setup.cfg have changed since.
set -eu
folder=$1
shift
top=$(dirname "$0")/..

# Prints the first command that is a Python >= 3.10. Each is run: a pyenv shim is there for versions that are not chosen.
find_python() {
    for candidate in "${PYTHON:-python3}" python3 python3.13 python3.12 python3.11 python3.10 \
        "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.1[0-9]*/bin/python; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    echo "pyrpc needs Python 3.10 or newer, and none was found" >&2
    echo "help: install one, or name it: make PYTHON=/path/to/python3" >&2
    return 1
}

# Debian keeps the module venv in a package of its own.
install_venv_module() {
    version=$("$1" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
    if [ "$(id -u)" = 0 ] && [ -e /etc/debian_version ]; then
        apt-get update -q >&2
        DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$version" >&2
    else
        echo "Python's module venv is missing" >&2
        echo "help: on Debian or Ubuntu: sudo apt-get install $version" >&2
        return 1
    fi
}

wanted=$({ echo "$@" && cat "$top/setup.cfg"; } | cksum)
stamp=$folder/installed-$(echo "$@" | cksum | tr ' ' '-')
if "$folder/bin/python" -c '' 2>/dev/null && [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ]; then
    exit 0
fi
if ! "$folder/bin/python" -m pip --version >/dev/null 2>&1; then
    python=$(find_python)
    "$python" -c 'import venv, ensurepip' 2>/dev/null || install_venv_module "$python"
    echo "creating $folder" >&2
    "$python" -m venv --clear "$folder"
fi
echo "installing $*" >&2
"$folder/bin/python" -m pip install --quiet --disable-pip-version-check "$@"
echo "$wanted" >"$stamp"
