# Two commands for a newcomer: make demo, make test. Everything installs into .venv first, versions pinned.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: install demo test test-all lint bench clean

install: $(STAMP)

# torch first and by its exact version: an unpinned torch pulls several GB of CUDA packages.
$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt torch
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[all,dev]'
	@touch $@

demo: $(STAMP)
	$(BIN)/libra-bench run --suite demo --model libra-tiny

test: $(STAMP)
	$(BIN)/pytest -n 2

test-all: $(STAMP)
	$(BIN)/pytest -n 2 -m 'slow or not slow' --override-ini "addopts=--import-mode=importlib --strict-markers -ra"

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Ratios, each pair measured in one run; about ten minutes.
bench: $(STAMP)
	$(BIN)/python scripts/bench_startup.py
	$(BIN)/python scripts/bench_metrics.py
	$(BIN)/python scripts/bench_generation.py
	$(BIN)/python scripts/bench_images.py --studies 10
	$(BIN)/python scripts/bench_around.py
	$(BIN)/python scripts/bench_training.py
	$(BIN)/python scripts/bench_data.py

clean:
	rm -rf $(VENV) build dist .pytest_cache .ruff_cache .mypy_cache .hypothesis
