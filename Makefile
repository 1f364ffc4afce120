# Each target makes its own environment in .venv where none is active, with the versions of
# requirements.lock. Only Python's package registry is reached, and only to install.
PYTHON ?= python3
VENV := $(if $(VIRTUAL_ENV),$(VIRTUAL_ENV),.venv)
BIN := $(VENV)/bin
SOURCES := src tests benchmarks
# Tests run in one process a core; threads of torch within them would only get in each other's way.
WORKERS ?= $(shell nproc 2>/dev/null || echo 2)
# TORCH=cpu takes the build of torch for the processor alone. Its version sorts before the other's.
PIP_FLAGS := --quiet --disable-pip-version-check $(if $(filter cpu,$(TORCH)),--extra-index-url https://download.pytorch.org/whl/cpu)
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS)

.PHONY: demo test test-newest test-oldest test-slow check fix bench catalogue lock clean

demo: $(VENV)/.prosa-runs
	$(BIN)/prosa demo

test: $(VENV)/.prosa-tests
	$(PYTEST)

# The newest and the oldest versions that pyproject.toml allows, each in an environment of its own.
test-newest:
	rm -rf .venv-newest
	$(MAKE) test VIRTUAL_ENV= VENV=.venv-newest CONSTRAINTS=
test-oldest:
	$(MAKE) test VIRTUAL_ENV= VENV=.venv-oldest CONSTRAINTS='--constraint requirements-oldest.lock'

# kenlm is compiled from its source: this needs a C++ compiler and cmake.
test-slow: $(VENV)/.prosa-tests
	$(BIN)/python -m pip install $(PIP_FLAGS) $(CONSTRAINTS) -e '.[test,peers]'
	$(BIN)/python -m pytest -m "slow and not network"

check: $(VENV)/.prosa-tests
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/mypy
	$(BIN)/lint-imports

fix: $(VENV)/.prosa-tests
	$(BIN)/ruff check --fix $(SOURCES)
	$(BIN)/ruff format $(SOURCES)

bench: $(VENV)/.prosa-tests
	$(BIN)/python -m pip install $(PIP_FLAGS) $(CONSTRAINTS) -e '.[test,peers]'
	$(BIN)/python -m benchmarks

# Takes new messages into the catalogue and compiles it.
catalogue: $(VENV)/.prosa-tests
	$(BIN)/python -m tests.catalogue

# The tested set anew: the newest versions within the bounds of pyproject.toml, and the oldest.
COMPILE := .venv-lock/bin/uv pip compile pyproject.toml --quiet --upgrade --universal --python-version 3.11 \
  --no-annotate --custom-compile-command 'make lock' --all-extras --no-emit-package kenlm \
  --no-emit-package llama-cpp-python
lock:
	$(PYTHON) -m venv .venv-lock
	.venv-lock/bin/pip install --quiet --disable-pip-version-check uv
	$(COMPILE) --output-file requirements.lock
	$(COMPILE) --output-file requirements-oldest.lock --resolution lowest-direct

CONSTRAINTS := --constraint requirements.lock

# What prosa needs to run comes from wheels alone: no compiler is asked for.
$(VENV)/.prosa-runs: pyproject.toml requirements.lock
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(ADVICE)
	@echo 'Installing into $(VENV): some minutes the first time'
	$(BIN)/python -m pip install $(PIP_FLAGS) $(CONSTRAINTS) --only-binary :all: -e .
	touch $@

$(VENV)/.prosa-tests: $(VENV)/.prosa-runs
	$(BIN)/python -m pip install $(PIP_FLAGS) $(CONSTRAINTS) -e '.[test,ui,explain]'
	@# What the browser tests judge accessibility with; without npm those tests say that it is missing.
	! command -v npm >/dev/null || npm install --silent --no-audit --no-fund --no-save --prefix $(VENV) axe-core@4
	touch $@

# On Linux the usual torch brings its libraries for NVIDIA's GPUs; five seconds to think again.
ADVICE = if [ -z "$(TORCH)" ] && [ "$$(uname -s)" = Linux ] && ! command -v nvidia-smi >/dev/null \
  && ! $(BIN)/python -c 'import importlib.util as u; exit(not u.find_spec("torch"))'; then \
  echo 'No NVIDIA GPU is seen here. The usual torch downloads about 3 GB of libraries for one;'; \
  echo 'without them: Ctrl-C now, and TORCH=cpu at the end of the line: make $(or $(MAKECMDGOALS),demo) TORCH=cpu'; \
  if [ -t 1 ]; then sleep 5; fi; fi

clean:
	rm -rf .venv .venv-* build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
