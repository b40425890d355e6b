#!/usr/bin/env bash
# Run once, as root, when the autograder is made: a C compiler, and the packages that the suite runs on.
set -euo pipefail
home="${AUTOGRADER:-/autograder}"

export DEBIAN_FRONTEND=noninteractive
apt-get -qq update
apt-get -qq --yes install --no-install-recommends gcc libc6-dev make python3 python3-venv
python3 -c 'import sys; sys.exit(sys.version_info < (3, 11) and "sockspec needs Python 3.11 or newer; choose a newer image")'
python3 -m venv "$home/venv"
"$home/venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes \
    --requirement "$home/source/requirements.lock"
