#!/usr/bin/env bash
# Resolve pyproject.toml into the two lock files (make lock). Hashes are kept, addresses are not.
set -euo pipefail
export UV_CUSTOM_COMPILE_COMMAND="make lock"
options=(--generate-hashes --no-emit-index-url --no-emit-find-links --python-version 3.11 --universal --quiet)
.venv/bin/uv pip compile pyproject.toml --extra all "${options[@]}" "$@" -o requirements.lock
.venv/bin/uv pip compile pyproject.toml --extra all --extra test "${options[@]}" "$@" -c requirements.lock -o requirements-dev.lock
.venv/bin/uv pip compile infra/node.in "${options[@]}" "$@" -o requirements-node.lock
