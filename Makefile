# Two commands for a newcomer: make demo, make test. Everything installs into .venv first, versions pinned.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

VLLM_VENV := .venv-vllm
VLLM_STAMP := $(VLLM_VENV)/.installed
LLAMA_VENV := .venv-llama
LLAMA_STAMP := $(LLAMA_VENV)/.installed
DOCS_VENV := .venv-docs
DOCS_STAMP := $(DOCS_VENV)/.installed
SITE := build/site
# A thread for each of two processes: with more they wait for each other. What Python compiles is kept, whatever the shell says.
PYTEST := OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE= $(BIN)/pytest -n 2

.PHONY: install locks demo test test-all test-vllm test-llama docs fuzz lint bench clean

install: $(STAMP)

# Every file that is downloaded has a hash in locks/, and nothing is resolved anew. The build tools come first, since some
# packages are built from source. torch without CUDA (200 MB) where pip finds it, in a folder or index of yours; else with
# CUDA (3 GB), from the general index.
PIP_OPTIONS := --quiet --disable-pip-version-check --no-deps --no-build-isolation
LOCKED := $(PIP_OPTIONS) --require-hashes -r locks
define install
	$(PYTHON) -m venv $(1)
	$(1)/bin/pip install $(LOCKED)/build.txt
	$(1)/bin/pip install $(LOCKED)/torch-cpu.txt 2>/dev/null || $(1)/bin/pip install $(LOCKED)/torch.txt
	$(1)/bin/pip install $(LOCKED)/$(2).txt
	$(1)/bin/pip install $(PIP_OPTIONS) -e .
	@touch $@
endef

$(STAMP): pyproject.toml $(wildcard locks/*.txt)
	$(call install,$(VENV),all)

# The locks, after a change of pyproject.toml, constraints.txt or tests/environments.
locks: $(STAMP)
	$(BIN)/python scripts/make_locks.py

demo: $(STAMP)
	$(BIN)/libra-bench run --suite demo --model libra-tiny

test: $(STAMP)
	$(PYTEST)

test-all: $(STAMP) test-vllm
	$(PYTEST) -m 'slow or not slow' --override-ini "addopts=--import-mode=importlib --strict-markers -ra --dist=loadfile --no-loadscope-reorder --durations=20"

# vLLM needs other versions than constraints.txt pins, so it has an environment of its own.
$(VLLM_STAMP): $(wildcard locks/*.txt)
	$(call install,$(VLLM_VENV),vllm)

test-vllm: $(VLLM_STAMP)
	OMP_NUM_THREADS=1 $(VLLM_VENV)/bin/pytest -n 2 tests/model_adapters
	$(VLLM_VENV)/bin/pytest -m slow tests/model_adapters/vllm

# llama.cpp's server is built from source, in an environment of its own: without what only images need, and for any x86-64
# processor with AVX2, since its code for AMX crashes on some virtual machines. Needs a C++ compiler.
$(LLAMA_STAMP): locks/llama.txt
	$(PYTHON) -m venv $(LLAMA_VENV)
	CMAKE_ARGS="-DGGML_NATIVE=OFF -DLLAVA_BUILD=OFF" \
	$(LLAMA_VENV)/bin/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r locks/llama.txt
	@touch $@

test-llama: $(STAMP) $(LLAMA_STAMP)
	$(BIN)/pytest -m slow -rP tests/libra_bench/metrics/judges/test_llama_server.py

# The site, from docs/, docstrings and the program's own help, into build/site/html. A broken link is an error.
$(DOCS_STAMP): locks/docs.txt
	$(PYTHON) -m venv $(DOCS_VENV)
	$(DOCS_VENV)/bin/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r locks/docs.txt
	@touch $@

docs: $(STAMP) $(DOCS_STAMP)
	$(BIN)/python scripts/write_site.py $(SITE)
	NO_MKDOCS_2_WARNING=1 $(DOCS_VENV)/bin/mkdocs build --strict --config-file $(SITE)/mkdocs.yml
	@echo "see it: $(PYTHON) -m http.server --bind 127.0.0.1 --directory $(SITE)/html"

# Odd inputs of every kind, four minutes each, and 200 kills; another seed tries others: make fuzz SEED=2
SEED := 1
fuzz: $(STAMP)
	LIBRA_BENCH_FUZZ_SECONDS=240 LIBRA_BENCH_KILLS=200 LIBRA_BENCH_FUZZ_SEED=$(SEED) OMP_NUM_THREADS=1 $(BIN)/pytest -m slow -s tests/fuzz

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Ratios, each pair measured in one run; about ten minutes on a machine without other work.
bench: $(STAMP)
	$(BIN)/python scripts/bench_startup.py
	$(BIN)/python scripts/bench_metrics.py
	$(BIN)/python scripts/bench_generation.py --rounds 1
	$(BIN)/python scripts/bench_images.py --studies 10
	$(BIN)/python scripts/bench_around.py
	$(BIN)/python scripts/bench_training.py
	$(BIN)/python scripts/bench_data.py

clean:
	rm -rf $(VENV) $(VLLM_VENV) $(LLAMA_VENV) $(DOCS_VENV) build dist .pytest_cache .ruff_cache .mypy_cache .hypothesis
