# Everything is installed inside the checkout; nothing outside it is touched.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK = 1
export PATH := $(CURDIR)/$(BIN):$(PATH)

.DEFAULT_GOAL := help
.PHONY: help install demo serve test check schema migrations lock faults machine bench

help: ## list what can be made
	@sed -n 's/^\([a-z]*\):.*## /  make \1	/p' $(firstword $(MAKEFILE_LIST)) | expand -t 22

install: $(VENV)/installed web/packages/node_modules/installed ## set up the environment in .venv

demo: install ## serve a demo organization and print what to open
	$(BIN)/python server.py demo

serve: install ## serve an empty database
	$(BIN)/python server.py

test: install docs/examples/node_modules/installed tests/suites/node_modules/installed ## run the tests (TEST_DATABASE_URL and TEST_EVENTS_URL choose PostgreSQL and Redis)
	$(BIN)/python -m pytest -n 4 --dist worksteal $(TESTS)

check: install ## lint, types, and whether schema.graphql is up to date
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy .
	$(BIN)/python server.py export-schema | diff schema.graphql -

schema: install ## write schema.graphql
	$(BIN)/python server.py export-schema > schema.graphql

migrations: install ## write a migration for what changed in models/
	$(BIN)/python -m tortoise makemigrations

lock: install ## choose the newest versions that pyproject.toml allows
	$(BIN)/uv pip compile --quiet --upgrade --universal --generate-hashes --python-version 3.11 \
	  --no-header --no-annotate --no-emit-index-url --extra dev pyproject.toml --output-file requirements.lock

faults: install ## kill, cut off, fill up and mislead a real server for some minutes, and print what was seen
	$(BIN)/python -m tests.faults $(FAULTS)

machine: install ## do at random whatever may be done beside a model of it: 500 runs of 50 steps (MACHINE_RUNS)
	MACHINE_RUNS=$${MACHINE_RUNS:-500} $(BIN)/python -m pytest -q -s -o faulthandler_timeout=0 tests/machine

bench: install bench/node_modules/built ## measure beside other servers: W="W1 W5" for some workloads, W=growth; SECONDS, ROUNDS, SIZES, DOCS=1
	$(BIN)/python -m bench $(W) $(SECONDS:%=--seconds=%) $(ROUNDS:%=--rounds=%) $(if $(SIZES),--sizes $(SIZES)) $(if $(DOCS),--docs)

$(VENV)/installed: requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Admit needs Python 3.11 or newer: make PYTHON=python3.12 …"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes --requirement requirements.lock
	@touch $@

# npm brings GraphiQL's files, and what the docs' examples and the public suites need; where there is no npm, the Python Package Index has one.
%/node_modules/installed: %/package-lock.json requirements-node.lock $(VENV)/installed
	@command -v npm >/dev/null || $(BIN)/python -m pip install --quiet --require-hashes --requirement requirements-node.lock
	@cd $* && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error && touch node_modules/installed \
	  || { echo "$*: npm could not fetch its packages; everything else works without them."; test -z "$$CI"; }

# One of the packages has to be compiled, which `npm ci --ignore-scripts` leaves out; without it SQLite is measured beside Python alone.
bench/node_modules/built: bench/node_modules/installed
	@cd bench && { ! test -d node_modules/better-sqlite3 || npm rebuild better-sqlite3 --ignore-scripts=false --loglevel=error; } && touch node_modules/built \
	  || echo "bench: better-sqlite3 could not be built; everything else is measured without it."
