# The one task runner. Every target sets up .venv by itself when it is missing or older than
# requirements.lock or pyproject.toml. Set-up talks on stderr: stdout belongs to the command.

PYTHON ?= python3
UV     ?= uv
ARGS   ?=

VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
ROOMS  := $(patsubst %/__init__.py,%,$(wildcard $(addsuffix /__init__.py, \
            sync connectors matching mappings state lifecycle console sandbox)))
PIP    := $(BIN)/python -m pip --disable-pip-version-check --no-input
# A file is one worker's, and files go out as they stand: those with few tests are the long ones here,
# and would all come last.
SPREAD := -n auto --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup new-venv demo test test-clients test-spark lint format bench bench-online bench-reading soak erased fuzz mutants docs lock test-wheel clean distclean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'
	@echo '  Options pass through ARGS, as in: make demo ARGS="--people 500"'

setup: $(READY) ## Set up .venv (every target does it when needed)

# An environment that works is kept and brought up to date; else a new one is made.
SOUND := import sys, pip; sys.exit(sys.version_info < (3, 11))
FIT   := import sys, venv; sys.exit(sys.version_info < (3, 11))

$(READY): requirements.lock pyproject.toml
	@$(BIN)/python -c '$(SOUND)' >/dev/null 2>&1 || $(MAKE) --no-print-directory new-venv >&2
	@$(PIP) install --quiet --require-hashes --requirement requirements.lock >&2
	@$(PIP) install --quiet --no-deps --no-build-isolation --editable . >&2
	@touch $@

new-venv:
	@$(PYTHON) -c '$(FIT)' 2>/dev/null || { \
	  echo "Leadloop needs Python 3.11 or newer with venv; '$(PYTHON)' is not. Try: make PYTHON=python3.11 ..."; exit 1; }
	@echo "Setting up $(VENV) (a minute or two, once)..."
	@$(PYTHON) -m venv --clear $(VENV)

demo: $(READY) ## Watch the whole loop run against the sandbox
	@$(BIN)/leadloop demo $(ARGS)

test: $(READY) ## Run the test suite
	@$(BIN)/python -m pytest $(SPREAD) $(ARGS)

test-clients: $(READY) ## Run other people's clients against the sandbox (installs them once)
	@$(BIN)/python -m pytest tests/clients $(ARGS)

test-spark: $(READY) ## Weigh pairs by Splink on Spark (needs Java; installs pyspark once, 430 MB)
	@$(PIP) install --quiet --require-hashes --no-build-isolation --requirement tests/matching/spark.lock >&2
	@$(BIN)/python -m pytest tests/matching/test_tables_engines.py $(ARGS)

test-postgres: $(READY) ## Run everything that uses a state on PostgreSQL
	@LEADLOOP_TEST_DATABASE=postgresql $(BIN)/python -m pytest $(SPREAD) \
	  tests/state tests/sync tests/laws tests/test_docs_reference.py $(ARGS)

lint: $(READY) ## Check style, types and layers; name everything that fails
	@failed=; \
	$(BIN)/ruff check . || failed="$$failed ruff-check"; \
	$(BIN)/ruff format --check --quiet . || failed="$$failed ruff-format"; \
	$(BIN)/mypy $(ROOMS) tests benchmarks || failed="$$failed mypy"; \
	$(BIN)/lint-imports --no-logo || failed="$$failed lint-imports"; \
	test -z "$$failed" || { echo "make lint failed in:$$failed" >&2; exit 1; }

format: $(READY) ## Put the code in the house format
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

bench: $(READY) ## Measure people per second, calls and memory
	@$(BIN)/python -m benchmarks $(ARGS)

bench-rubbish: $(READY) ## Match a million rows that say nothing, figures as JSON
	@nice -n 15 $(BIN)/python -m benchmarks --only rubbish --people 1000000 --json $(ARGS)

bench-online: $(READY) ## Find one person among a million, figures as JSON
	@$(BIN)/python -m benchmarks --only online --people 1000000 --json $(ARGS)

bench-reading: $(READY) ## Pull a million e-mail events and 100,000 submissions, figures as JSON
	@nice -n 15 $(BIN)/python -m benchmarks --only reading --json $(ARGS)

soak: $(READY) ## Try to break it for hours: the laws under fault, figures as JSON
	@nice -n 10 $(BIN)/python -m tests.soak $(ARGS)

# Mutation testing needs a tool of its own beside everything the tests need: an environment apart.
MUTATION := .venv-mutation

$(MUTATION)/.ready: requirements.lock tests/mutation/requirements.lock
	@$(PYTHON) -m venv --clear $(MUTATION)
	@$(MUTATION)/bin/python -m pip --disable-pip-version-check --no-input install --quiet \
	  --require-hashes --requirement requirements.lock --requirement tests/mutation/requirements.lock >&2
	@touch $@

mutants: $(READY) $(MUTATION)/.ready ## Break the deciding modules on purpose; figures as JSON (an hour)
	@$(MUTATION)/bin/python -m tests.mutation $(ARGS)

erased: $(READY) ## Offer a thousand erased people again by form, import and API
	@LEADLOOP_ERASED=1000 nice -n 10 $(BIN)/python -m pytest -q tests/sync/test_erased_again.py $(ARGS)

fuzz: $(READY) ## Feed 10,000 damaged files to the loaders of mappings and config.yaml
	@nice -n 10 $(BIN)/python -m tests.mappings.fuzz $(ARGS)

docs: $(READY) ## Check the documentation: links, index, layer table
	@$(BIN)/python -m pytest tests/test_docs.py $(ARGS)

lock: ## Renew requirements.lock and the locks of the foreign clients (with uv, npm)
	@command -v $(UV) >/dev/null || { echo "make lock needs uv: '$(PYTHON) -m pip install uv', or UV=/path/to/uv" >&2; exit 1; }
	$(UV) pip compile pyproject.toml --quiet --universal --python-version 3.11 \
	  --extra bulk --extra postgres --extra reports --extra dev \
	  --generate-hashes --no-emit-index-url --no-emit-find-links \
	  --custom-compile-command "make lock" --output-file requirements.lock $(ARGS)
	$(UV) pip compile pyproject.toml --quiet --universal --python-version 3.11 --extra postgres \
	  --constraint requirements.lock --generate-hashes --no-emit-index-url --no-emit-find-links \
	  --custom-compile-command "make lock" --output-file deploy/requirements.lock
	$(UV) pip compile deploy/build-requirements.in --quiet --universal --python-version 3.11 \
	  --constraint requirements.lock --generate-hashes --no-emit-index-url --no-emit-find-links \
	  --no-annotate --custom-compile-command "make lock" --output-file deploy/build-requirements.lock
	$(UV) pip compile pyproject.toml --quiet --universal --python-version 3.11 --extra spark \
	  --constraint requirements.lock --generate-hashes --no-emit-index-url --no-emit-find-links \
	  --no-annotate --custom-compile-command "make lock" --output-file tests/matching/spark.lock
	$(UV) pip compile tests/mutation/requirements.in --quiet --universal --python-version 3.11 \
	  --constraint requirements.lock --generate-hashes --no-emit-index-url --no-emit-find-links \
	  --no-annotate --custom-compile-command "make lock" --output-file tests/mutation/requirements.lock
	for tap in tap-hubspot tap-salesforce; do \
	  $(UV) pip compile tests/clients/locks/$$tap.in --quiet --python-version 3.11 --generate-hashes \
	    --no-emit-index-url --no-emit-find-links --no-header --annotation-style line \
	    --output-file tests/clients/locks/$$tap.txt || exit 1; done
	! command -v npm >/dev/null || (cd tests/clients/node && npm install --package-lock-only \
	  --omit-lockfile-registry-resolved --ignore-scripts --no-audit --no-fund --silent)

test-wheel: $(READY) ## Build the wheel, install it in a clean environment, start it
	@rm -rf build && mkdir -p build/wheel
	@$(PIP) wheel --quiet --no-deps --no-build-isolation --wheel-dir build/wheel . >&2
	@$(PYTHON) -m venv build/wheel/venv
	@build/wheel/venv/bin/python -m pip --disable-pip-version-check install --quiet --require-hashes --requirement deploy/requirements.lock
	@build/wheel/venv/bin/python -m pip --disable-pip-version-check install --quiet --no-deps build/wheel/leadloop-*.whl
	@cd build/wheel && venv/bin/leadloop --help >/dev/null && echo "The wheel installs and starts."

clean: ## Remove what builds and tests leave behind
	@rm -rf build dist site *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis mutants
	@find . -name __pycache__ -type d -not -path './$(VENV)/*' -prune -exec rm -rf {} +

distclean: clean ## The same, and .venv and .venv-clients with it
	@rm -rf $(VENV) .venv-clients $(MUTATION)
