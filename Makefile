# Every target creates or reuses .venv and installs the pinned versions of constraints.txt.
# Needed on the machine: Python 3.11 or newer, make and git. Another interpreter: make test PYTHON=python3.12

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --no-build-isolation --constraint constraints.txt
export OMP_NUM_THREADS ?= 1
export MPLBACKEND ?= Agg
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help demo test slow lint docs links bench clean

help:
	@echo "make demo   a landscape under nonlocal transport, a photograph denoised: pictures, movies, netCDF, checks"
	@echo "make test   the fast test suite"
	@echo "make slow   the whole test suite, with more examples per property"
	@echo "make lint   ruff, mypy --strict, import-linter"
	@echo "make docs   the documentation, in docs/_build/html"
	@echo "make links  opens every address that the documentation names; needs the network"
	@echo "make bench  accuracy and cost beside other libraries, in one thread; takes an hour"
	@echo "make clean  remove .venv and everything built"

# Debian splits ensurepip off into python3-venv: without it, an installed pip fills the environment.
$(VENV)/.base: constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "$(PYTHON) is older than Python 3.11. Write: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV) 2>/dev/null || \
	    { $(PYTHON) -m venv --clear --without-pip $(VENV) && \
	      $(PYTHON) -m pip --python $(BIN)/python install --quiet pip; } || \
	    { rm -rf $(VENV); echo "$(PYTHON) has neither ensurepip nor pip. On Debian: apt install python3-venv"; exit 1; }
	$(BIN)/python -m pip install --quiet --constraint constraints.txt pip setuptools
	@touch $@

$(VENV)/.core: $(VENV)/.base pyproject.toml
	$(INSTALL) --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.base pyproject.toml
	$(INSTALL) --editable ".[dev,files]"
	@touch $@

$(VENV)/.docs: $(VENV)/.base pyproject.toml
	$(INSTALL) --editable ".[docs]"
	@touch $@

demo: $(VENV)/.core
	$(BIN)/pide run examples/hillslope.toml --out out/hillslope --overwrite
	$(BIN)/pide run examples/denoise.toml --out out/denoise --overwrite

test: $(VENV)/.dev
	$(BIN)/python -m pytest -m "not slow" -n 2

slow: $(VENV)/.dev
	HYPOTHESIS_PROFILE=thorough $(BIN)/python -m pytest -n 2

lint: $(VENV)/.dev
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(VENV)/.docs
	$(BIN)/python -m sphinx -W --keep-going -b html docs docs/_build/html

links: $(VENV)/.docs
	$(BIN)/python -m sphinx -b linkcheck docs docs/_build/linkcheck

bench: $(VENV)/.dev
	for name in peers convergence apply heat fractional_poisson cloud_quadrature reversible layers clouds; do \
	    echo; echo "== $$name"; $(BIN)/python benchmarks/$$name.py || exit 1; done

clean:
	rm -rf $(VENV) build dist out docs/_build docs/gallery docs/reference/generated *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
