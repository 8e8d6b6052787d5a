# Everything a person does with this repository. `make help` lists the targets.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
VENDOR := services/trading_api/console/static/vendor
# These start processes of their own and wait for them, so they run two at a time when all others have run on all
# cores: the longest first, and a file's tests together, as they share its system.
WHOLE_SYSTEM := tests/e2e tests/compose tests/browser tests/integration
TWO_AT_A_TIME := --numprocesses=2 --dist=loadfile --no-loadscope-reorder

help: ## list the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

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

setup: .venv/runtime $(VENDOR)/complete ## make .venv/bin/sandan, with everything it needs
.PHONY: help setup

$(VENDOR)/complete: .venv/uv package.json package-lock.json infra/vendor.sh requirements-node.lock
	@echo "setup: fetching the console's scripts"
	@infra/npm.sh ci --ignore-scripts --no-audit --no-fund --silent
	@infra/vendor.sh node_modules

demo: setup ## run a trading day and serve the console (OPTIONS="--speed 600 --exit")
	@$(BIN)/sandan demo $(OPTIONS)

test: ## run all tests; a layer whose need is missing is skipped aloud (OPTIONS="tests/unit -q" for some)
coverage: ## run all tests, and print which code they reach
coverage: export COVER := --cov --cov-report=
coverage: export COVER_AND_PRINT := --cov --cov-append --cov-report=term
test coverage: .venv/test $(VENDOR)/complete
ifdef OPTIONS
	@$(BIN)/python -m pytest $(COVER) $(COVER_AND_PRINT) $(OPTIONS)
else
	@$(MAKE) --no-print-directory --keep-going test-layers test-systems
endif

test-layers: .venv/test $(VENDOR)/complete ## run the tests that need no processes of their own, on all cores
	@$(BIN)/python -m pytest $(COVER) --numprocesses=auto --dist=loadfile $(addprefix --ignore=,$(WHOLE_SYSTEM))

test-systems: .venv/test $(VENDOR)/complete ## run the tests of whole systems, two at a time
	@$(BEFORE_SYSTEMS)
	@$(BIN)/python -m pytest $(COVER_AND_PRINT) $(TWO_AT_A_TIME) $(WHOLE_SYSTEM)

test-faults: .venv/test $(VENDOR)/complete ## run the cases of fault matrices that the suite leaves out (about 4 minutes)
	@$(BIN)/python -m tests.fault_matrices

check: .venv/test ## what must hold before a commit: format, lint, types, boundaries
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy .
	@$(BIN)/lint-imports

shape: .venv/test ## count how often the code says the same thing again (OPTIONS="--list")
	@$(BIN)/python -m tests.architecture.shape $(OPTIONS)

record-day: setup .venv/test ## record a day of the demo and its books, for tests/recorded_day (about 6 minutes)
	@$(BIN)/python -m tests.recorded_day.record && $(BIN)/python -m tests.recorded_day.replay

bench: .venv/test ## measure, as ratios in one run
	@for one in benchmarks/*.py; do echo "== $$one"; $(BIN)/python -m benchmarks.$$(basename $$one .py) || exit 1; done

compose: setup ## run the system from images, with Docker
	@$(BIN)/sandan compose
	@docker-compose --env-file var/compose/.env up --build

docs: .venv/runtime ## write the documents that are made from code
	@$(BIN)/python -m cli.docs

lock: .venv/uv ## resolve pyproject.toml into the lock files again
	@infra/lock.sh

clean: ## remove what the other targets made
	@rm -rf .venv node_modules $(VENDOR) var .coverage .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

.PHONY: demo test test-layers test-systems test-faults coverage check shape record-day bench compose docs lock clean
