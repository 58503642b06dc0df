#!/usr/bin/env bash
# Makes the environments of AdapterHub and OpenDelta, which need other versions of transformers than PEFT. It is safe to
# run this again.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

for library in adapterhub opendelta; do
  python3 -m venv "$here/$library/.venv"
  pip=("$here/$library/.venv/bin/pip" install --quiet --disable-pip-version-check)
  "${pip[@]}" -r "$here/$library/requirements.txt"
  # Its metadata asks for the retired package sklearn.
  [ "$library" = adapterhub ] || "${pip[@]}" --no-deps opendelta==0.3.2
done
echo "AdapterHub and OpenDelta: ready"
