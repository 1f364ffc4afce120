# Each target makes its own environment in .venv where none is active. Only Python's package
# registry is reached, and only to install.
PYTHON ?= python3
VENV := $(if $(VIRTUAL_ENV),$(VIRTUAL_ENV),.venv)
BIN := $(VENV)/bin
READY := $(VENV)/.prosa-ready
SOURCES := src tests benchmarks
# Tests run in one process a core; threads of torch within them would only get in each other's way.
WORKERS ?= $(shell nproc 2>/dev/null || echo 2)

.PHONY: demo test test-slow check fix bench catalogue clean

demo: $(READY)
	$(BIN)/prosa demo

test: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS)

test-slow: $(READY)
	$(BIN)/python -m pytest -m "slow and not network"

check: $(READY)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/mypy
	$(BIN)/lint-imports

fix: $(READY)
	$(BIN)/ruff check --fix $(SOURCES)
	$(BIN)/ruff format $(SOURCES)

bench: $(READY)
	$(BIN)/python -m benchmarks

# Takes new messages into the catalogue and compiles it.
catalogue: $(READY)
	$(BIN)/python -m tests.catalogue

$(READY): pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -e '.[test]'
	touch $@

clean:
	rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
