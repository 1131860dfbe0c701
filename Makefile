# Two commands for everyone: `make run` and `make test`. The rest is for those who change the code.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
BENCHMARKS := .venv-benchmarks
MIN_PYTHON := import sys; sys.exit(sys.version_info < (3, 11))

.PHONY: help run test check format lint types layers migrations tests coverage lock benchmark-env clean

help:
	@echo "make run    set up everything and rehearse the whole job on this machine"
	@echo "make test   set up everything and run the tests"
	@echo "make check  format, lint, types, layers, migrations, tests, and how much of monitor/ they run"
	@echo "make benchmark-env  an environment with the programs the benchmarks compare with (6 GB)"

run: $(VENV)/.installed
	$(BIN)/monitor demo

test: tests

# TESTS_DONE=1 leaves the tests out where `make test` has just run them, with COVERAGE=1 if it is to be told.
check: lint types layers migrations $(if $(TESTS_DONE),,tests) coverage
check: COVERAGE := 1

# Both locks hold hashes and no download address; pip takes the packages from its own registry.
$(VENV)/.python:
	@$(PYTHON) -c '$(MIN_PYTHON)' || { echo "Python 3.11 or newer is needed: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.installed: $(VENV)/.python requirements.lock pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.developing: $(VENV)/.installed requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

format: $(VENV)/.developing
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lint: $(VENV)/.developing
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(VENV)/.developing
	$(BIN)/mypy

layers: $(VENV)/.developing
	$(BIN)/lint-imports

migrations: $(VENV)/.developing
	$(BIN)/python -m tests.check_migrations

tests: $(VENV)/.developing
	@rm -f .coverage
	$(BIN)/python -m tests.run_all $(if $(COVERAGE),--cov --cov-report=)

# Of the lines that the tests' own processes ran: what a daemon or a command does in a process that a
# test started is not counted.
coverage: $(VENV)/.developing
	@test -f .coverage || { echo "not counted: make test COVERAGE=1"; exit 0; }; $(BIN)/coverage report

# Needs uv. Its own lock file is full of download addresses and stays out of git.
lock:
	uv lock
	uv export --quiet --no-emit-project --no-header --extra postgres --no-dev --group build -o requirements.lock
	uv export --quiet --no-emit-project --no-header --all-extras --all-groups -o requirements-dev.lock

# The peers come last and leave what the lock pinned as it is, where their own needs allow.
benchmark-env: $(BENCHMARKS)/.installed

$(BENCHMARKS)/.installed: requirements.lock pyproject.toml benchmarks/requirements.txt
	@$(PYTHON) -c '$(MIN_PYTHON)' || { echo "Python 3.11 or newer is needed: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 2; }
	$(PYTHON) -m venv $(BENCHMARKS)
	$(BENCHMARKS)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BENCHMARKS)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	$(BENCHMARKS)/bin/python -m pip install --quiet --disable-pip-version-check -r benchmarks/requirements.txt
	@touch $@

clean:
	rm -rf $(VENV) $(BENCHMARKS) demo-runs .mypy_cache .ruff_cache .pytest_cache .hypothesis
