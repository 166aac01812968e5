# Two commands on a fresh machine: `make demo` and `make test`. Each sets up .venv by itself.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
BENCHMARKS := course_grid permutations half_samples repeated_folds growth profiles
SIMULATIONS := audit interval_coverage selection_error drift_alarms
# Some machines switch bytecode off; every start would then compile everything again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup demo test check docs bench simulate lock data

help:  ## Show this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 8

$(STAMP): pyproject.toml constraints.txt
	@echo "Setting up $(VENV) (about two minutes the first time; log in .setup.log)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Foldwise needs Python 3.11 or newer; set PYTHON=/path/to/python3"; exit 1; }
	@$(PYTHON) -m venv $(VENV) > .setup.log 2>&1 \
	  && $(BIN)/python -m pip install -q -U "pip>=25.1" >> .setup.log 2>&1 \
	  && $(BIN)/python -m pip install -q -c constraints.txt -e ".[all]" >> .setup.log 2>&1 \
	  || { tail -n 20 .setup.log; exit 1; }
	@touch $@

setup: $(STAMP)  ## Create .venv and install the pinned versions

demo: setup  ## Run both studies on embedded data and say where the reports are
	@$(BIN)/foldwise biomarkers
	@$(BIN)/foldwise perovskites

test: setup  ## Run the test suite
	@$(BIN)/python -m pytest -q -n 2 --dist loadfile

check: setup docs  ## Lint, types, import contracts, docs and their examples
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: setup  ## Build the docs, warnings as errors
	$(BIN)/sphinx-build -q -W -b html docs docs/_build/html

bench: setup  ## Measure speed against the rivals; tables go to benchmarks/RESULTS.md
	@cd benchmarks && for script in $(BENCHMARKS); do ../$(BIN)/python $$script.py || exit 1; done

simulate: setup  ## Measure detection, silence, coverage and errors on simulated tables (an hour)
	@cd benchmarks && for script in $(SIMULATIONS); do ../$(BIN)/python $$script.py || exit 1; done

data: setup  ## Rebuild the embedded data sets from their sources and compare
	$(BIN)/python scripts/build_datasets.py --check

lock:  ## Resolve constraints.txt anew (needs uv)
	echo "torch==2.13.0" > .torch-pin.txt
	uv pip compile pyproject.toml --all-extras --universal -c .torch-pin.txt --no-annotate -o constraints.txt
	rm .torch-pin.txt
