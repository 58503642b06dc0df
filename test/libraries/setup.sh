#!/usr/bin/env bash
# Makes the environments of AdapterHub and OpenDelta, which need other versions of transformers than PEFT, and that of
# Captum. `setup.sh captum` makes only that one. It is safe to run this again.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

libraries=("$@")
[ $# -gt 0 ] || libraries=(adapterhub opendelta captum)
for library in "${libraries[@]}"; do
  python3 -m venv "$here/$library/.venv"
  pip=("$here/$library/.venv/bin/pip" install --quiet --disable-pip-version-check)
  "${pip[@]}" -r "$here/$library/requirements.txt"
  # Its metadata asks for the retired package sklearn.
  [ "$library" != opendelta ] || "${pip[@]}" --no-deps opendelta==0.3.2
done
echo "${libraries[*]}: ready"
