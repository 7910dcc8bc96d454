# The house's commands. `make` alone lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
COMPILE := CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/pip-compile setup.cfg --quiet --no-config \
	--generate-hashes --allow-unsafe --strip-extras \
	--no-emit-index-url --no-emit-find-links --no-emit-trusted-host $(UPGRADE)
CODE := domain projections web workers tests wsgi.py
PYTEST := $(BIN)/python -m pytest -n 2 --dist worksteal

.DEFAULT_GOAL := help
.PHONY: help run demo test test-fast check format lint types contracts bench profile lock clean

help: ## List these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(VENV)/.runtime ## Install what is needed and start the whole service; Ctrl-C stops it
	@exec $(BIN)/python -m workers.group

demo: $(VENV)/.runtime ## Fill an account with two years of a household's money, beside make run
	@$(BIN)/flask demo

test: $(VENV)/.dev ## Run every test, on SQLite and PostgreSQL
	$(PYTEST)

test-fast: $(VENV)/.dev ## Run the inner loop: quick tests, on SQLite only
	$(PYTEST) -m "not slow and not postgresql"

check: $(VENV)/.dev ## What CI runs before the tests: format, lint, types, contracts, coverage
	$(BIN)/ruff format --check $(CODE)
	@$(MAKE) --no-print-directory lint types contracts
	$(PYTEST) -m "not slow and not postgresql" --cov --cov-report=term

format: $(VENV)/.dev ## Format the code and mend what ruff can mend
	$(BIN)/ruff format $(CODE)
	$(BIN)/ruff check --fix $(CODE)

lint: $(VENV)/.dev ## Look for mistakes with ruff
	$(BIN)/ruff check $(CODE)

types: $(VENV)/.dev ## Check the types with mypy, strictly
	$(BIN)/mypy

contracts: $(VENV)/.dev ## Check that imports point one way only
	$(BIN)/lint-imports

bench: $(VENV)/.dev ## Measure speed, into docs/performance.md (BENCH=--quick: a look, writes nothing)
	$(BIN)/python -m tests.benchmarks $(BENCH)

profile: $(VENV)/.dev ## Draw flame graphs of the web server under load, into build/profiles
	@$(BIN)/python -m tests.benchmarks.flames

lock: $(VENV)/.dev ## Write the locks from setup.cfg (UPGRADE=--upgrade takes newer versions)
	$(COMPILE) --output-file requirements.txt
	$(COMPILE) --extra dev --constraint requirements.txt --output-file requirements-dev.txt
	@rm -rf *.egg-info

clean: ## Remove the virtual environment and every cache; data/ stays
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	rm -rf .coverage .coverage.* build dist *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or later is needed: make PYTHON=…"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

$(VENV)/.runtime: requirements.txt | $(BIN)/python
	@echo "Installing dependencies (once)…"
	@$(PIP) install --require-hashes --requirement requirements.txt
	@touch $@

$(VENV)/.dev: requirements-dev.txt | $(BIN)/python
	@echo "Installing dependencies for development (once)…"
	@$(PIP) install --require-hashes --requirement requirements-dev.txt
	@touch $@ $(VENV)/.runtime
