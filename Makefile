# Everything a person does with this repository. `make help` lists the targets.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
VENDOR := services/trading_api/console/static/vendor

help: ## list the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.venv/uv: requirements.lock requirements-dev.lock
	@$(PYTHON) -c 'import sys; sys.exit("Sandan needs Python 3.11 or later, this is " + sys.version.split()[0] + "; set PYTHON=...") if sys.version_info < (3, 11) else None'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --require-hashes -r <(awk '/^[a-z]/ {keep = /^uv==/} keep' requirements-dev.lock)
	@touch $@

.venv/runtime: .venv/uv requirements.lock pyproject.toml
	@echo "setup: installing the locked packages into .venv"
	@VIRTUAL_ENV=.venv $(BIN)/uv pip install --quiet --require-hashes -r requirements.lock
	@VIRTUAL_ENV=.venv $(BIN)/uv pip install --quiet --no-deps --editable .
	@touch $@

.venv/test: .venv/runtime requirements-dev.lock
	@echo "setup: installing the locked test tools into .venv"
	@VIRTUAL_ENV=.venv $(BIN)/uv pip install --quiet --require-hashes -r requirements-dev.lock
	@touch $@

setup: .venv/runtime ## make .venv/bin/sandan, with everything it needs
.PHONY: help setup

lock: .venv/uv ## resolve pyproject.toml into the lock files again
	@infra/lock.sh
.PHONY: lock
