# Two commands: `make demo` and `make test`. Both make .venv on their first run and start at once afterwards.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo test lint bench figures clean help

help:
	@echo "make demo    the whole story on embedded data: two networks, every bound, a page and a figure"
	@echo "make test    the test suite, slow tests included"
	@echo "make lint    ruff and mypy"
	@echo "make bench   the measurements behind the README's figures"
	@echo "make figures the figures and tables of paper_figures, from committed rows"
	@echo "make clean   remove .venv and what was built"

# pip takes the build of PyTorch that it is set up for; a CPU build at hand is preferred by its local version label.
$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit("boundcheck needs Python 3.11 or newer; name one: make PYTHON=python3.12" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt setuptools
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation -c constraints.txt -e '.[dev]'
	@touch $(STAMP)

demo: $(STAMP)
	$(BIN)/boundcheck demo

test: $(STAMP)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist worksteal $(PYTEST_ARGS)

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(STAMP)
	$(BIN)/python experiments/benchmarks/run.py

figures: $(STAMP)
	for script in paper_figures/*.py; do $(BIN)/python $$script || exit 1; done

clean:
	rm -rf $(VENV) build dist src/*.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
