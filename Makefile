# Tapeless in two commands: `make train`, `make test`. Needs make and Python 3.11 or newer, nothing else.
#
# Everything is installed into $(VENV), never elsewhere; a stamp file there records each finished install,
# so the second run starts at once. Another interpreter:  make test PYTHON=/path/to/python3.13

VENV ?= .venv
DOCS ?= docs/_build
ARGS ?= digits
# Without PYTHON the first of these that is new enough.
PYTHONS := $(or $(PYTHON),python3 python3.14 python3.13 python3.12 python3.11)

PY  := $(VENV)/bin/python
PIP := $(PY) -m pip install --disable-pip-version-check -qq
INSTALL_INPUTS := $(VENV)/.stamp-venv pyproject.toml src/tapeless/_version.py

# Packages from outside must not leak into the environment, nor the install out of it.
unexport PYTHONPATH PYTHONHOME
export PIP_USER := 0

.DEFAULT_GOAL := help
.PHONY: help train test examples lint types parity bench bench-quick docs clean
# Two installs at once into one environment would break it.
.NOTPARALLEL:

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

train: $(VENV)/.stamp-base ## train an MLP on handwritten digits (others: make train ARGS="spirals --plot")
	@$(PY) -m tapeless train $(ARGS)

test: $(VENV)/.stamp-test ## run the tests and every example in the docstrings and docs
	@$(PY) -m pytest -q -m "not slow"

examples: $(VENV)/.stamp-examples ## run all scripts in examples/, shortened, and look whether each reaches its goal
	@$(PY) examples/_run_all.py --quick

lint: $(VENV)/.stamp-dev ## check the style with ruff
	@$(PY) -m ruff check .

types: $(VENV)/.stamp-dev ## check the types with mypy
	@$(PY) -m mypy

parity: $(VENV)/.stamp-parity ## compare with PyTorch's own test databases (installs it: a large download)
	@$(PY) -W ignore -m tests.parity --check

bench: $(VENV)/.stamp-bench ## time training beside PyTorch, JAX and others (installs them: a large download)
	@$(PY) benchmarks/suite.py

bench-quick: $(VENV)/.stamp-bench ## the same in under three minutes, with fewer peers and rougher numbers
	@$(PY) benchmarks/suite.py --quick

docs: $(VENV)/.stamp-docs ## build the documentation as HTML in docs/_build (warnings are errors)
	@$(PY) -m sphinx -M html docs $(DOCS) -W --keep-going -n -q -j auto
	@echo "Built: $(DOCS)/html/index.html"

clean: ## remove the environment, builds and caches
	@if [ -f "$(VENV)/.stamp-venv" ]; then rm -rf "$(VENV)"; fi
	@rm -rf build dist docs/_build docs/reference/*.rst docs/reference/modules.txt .hypothesis .mypy_cache .pytest_cache .ruff_cache
	@find src tests docs benchmarks examples -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

# --- the environment -------------------------------------------------------------------------------------

$(VENV)/.stamp-venv:
	@for python in $(PYTHONS); do \
	    if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	        echo "Making the environment $(VENV) with $$("$$python" --version)"; \
	        "$$python" -m venv "$(VENV)" && touch "$@" && exit 0; \
	        echo "$$python could not make an environment; on Debian or Ubuntu: apt install python3-venv" >&2; \
	        exit 1; \
	    fi; \
	done; \
	found=$$("$(firstword $(PYTHONS))" --version 2>/dev/null || echo "no Python"); \
	echo "Tapeless needs Python 3.11 or newer, found $$found; name another: make PYTHON=/path/to/python3.11" >&2; \
	exit 1

$(VENV)/.stamp-base: $(INSTALL_INPUTS)
	@echo "Installing tapeless into $(VENV) (once)"
	@$(PIP) -e .
	@touch "$@"

# .stamp-test, .stamp-docs, .stamp-examples, .stamp-dev, .stamp-parity, .stamp-bench: the extra of that name
$(VENV)/.stamp-%: $(INSTALL_INPUTS)
	@echo "Installing tapeless[$*] into $(VENV) (once)"
	@$(PIP) -e ".[$*]"
	@touch "$@"
