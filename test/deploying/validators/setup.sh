#!/usr/bin/env bash
# Makes the environment of the programs that validate deploy/ in .venv beside this file. Safe to run again.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

python3 -m venv "$here/.venv"
"$here/.venv/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements.txt"
echo "validators of deploy/: ready"
