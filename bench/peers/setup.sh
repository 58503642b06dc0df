#!/usr/bin/env bash
# Creates the peers' Python environment in .venv next to this file, and installs transformers.js. It is safe to run
# this again.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

python3 -m venv "$here/.venv"
"$here/.venv/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements.txt"

# Without CUDA, which the package of ONNX Runtime would download.
ONNXRUNTIME_NODE_INSTALL=skip npm install --prefix "$here/transformers-js" --silent --no-package-lock

has_jemalloc() { "$here/.venv/bin/python" -c 'import ctypes.util, sys; sys.exit(not ctypes.util.find_library("jemalloc"))'; }

if ! has_jemalloc && command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
  { apt-get update -qq && apt-get install -y -qq libjemalloc2; } >/dev/null || true
fi
if has_jemalloc; then
  echo "peers: ready, with jemalloc"
else
  echo "peers: ready, but without jemalloc (Debian: apt-get install libjemalloc2): PyTorch will be slower" >&2
fi
