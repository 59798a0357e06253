# Regimes of Learning. `make` lists the targets; each sets up what it needs and is a no-op when done.
# Plain POSIX sh and GNU make 4. After the set-up nothing here needs a network.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules

VENV := .venv
BENCH := .venv-bench
LAB := .venv-lab
PY := $(VENV)/bin/python
INSTALLED := $(VENV)/.installed

# How many chapters and tests run at once; each works on one thread.
JOBS ?= $(shell n=$$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2); [ $$n -gt 8 ] && n=8; echo $$n)
# Whose annotations are checked, shapes included, while the tests run.
TYPED := regime_lib.instrument,regime_lib.lab,regime_lib.simulators,regime_lib.chapters,beartype.beartype
# Where `make serve` shows the book.
PORT ?= 8000
# What `make lab` gives JupyterLab beside the folder, such as --no-browser.
LAB_OPTIONS ?=

export OMP_NUM_THREADS := 1
export MKL_NUM_THREADS := 1
export OPENBLAS_NUM_THREADS := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PYTHONUTF8 := 1
# Bytecode is kept, whatever the shell says: else each of a hundred processes compiles all modules.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help files setup book pages pdf epub test test-now test-browser test-chapters test-rooms \
  test-book lint serve lab gettext bench lock clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/\1|\2/p' $(firstword $(MAKEFILE_LIST)) \
	  | while IFS='|' read -r name text; do printf '  make %-8s %s\n' "$$name" "$$text"; done

setup: $(INSTALLED) ## create .venv and install the locked versions and this project into it

# The stamp is written last, so an interrupted installation is done again. The version is read from
# the package. An environment of another Python than PYTHON=… asks for is made again.
$(INSTALLED): requirements.lock pyproject.toml regime_lib/__init__.py
	@sh .ci/venv $(VENV)
	@rm -f $@
	$(PY) -m pip install --requirement requirements.lock
	$(PY) -m pip install --quiet --no-deps --no-build-isolation --editable .
	$(PY) -m pip check
	@touch $@

ifneq ($(PYTHON),)
.PHONY: stale
$(INSTALLED): $(shell PYTHON='$(PYTHON)' sh .ci/venv --stale $(VENV))
endif

# Python for the browser, for the pages' live cells: asked for once in a checkout; where nobody has
# it the book goes without. PYODIDE_DIR=… brings it along.
LIVE := _build/.live
$(LIVE): regime_lib/companion/publish/live/kit.py | $(INSTALLED)
	@mkdir -p _build
	@$(PY) -m regime_lib live || true
	@touch $@
ifneq ($(PYODIDE_DIR),)
.PHONY: $(LIVE)
endif

book: $(INSTALLED) $(LIVE) ## run the chapters that are out of date and render _build/html
	$(PY) -m regime_lib book -j $(JOBS)

pages: $(INSTALLED) $(LIVE) ## render the committed outputs; runs only chapters that changed since
	$(PY) -m regime_lib book --committed -j $(JOBS)

pdf: book ## print the book and each chapter to _build/html/pdf; the pages then offer them
	chromium=$$(sh .ci/browser $(PY)) && $(PY) -m regime_lib pdf --browser "$$chromium"

epub: book ## bind the book to _build/html/pdf/regimes-of-learning.epub; the pages then offer it
	chromium=$$(sh .ci/browser $(PY)) && $(PY) -m regime_lib epub --browser "$$chromium"

test: $(INSTALLED) ## check everything; does nothing if nothing changed since it last passed (FORCE=1 does)
	@digest=$$($(PY) .ci/digest.py) || exit 1; \
	if [ -z "$(FORCE)" ] && [ -f _build/tested ] && [ "$$digest" = "$$(cat _build/tested)" ]; then \
	  echo "Nothing has changed since every test last passed; make test FORCE=1 runs them again."; \
	else \
	  rm -f _build/tested && $(MAKE) --no-print-directory test-now && \
	  mkdir -p _build && echo "$$digest" > _build/tested && echo "Every test passed."; \
	fi

# Chapters compute once: nbval holds each against its committed outputs, and the book is made of
# these. What works on one core only (style and types, installing a browser, rendering) runs beside
# what takes every core.
test-now: $(INSTALLED)
	@$(MAKE) --no-print-directory -j 4 lint test-browser test-chapters pages
	@$(MAKE) --no-print-directory test-rooms
	@$(MAKE) --no-print-directory test-book

test-browser: $(INSTALLED)
	@sh .ci/browser $(PY) >/dev/null

test-chapters: $(INSTALLED)
	$(PY) -m pytest -q --nbval -n $(JOBS) --dist loadfile --no-loadscope-reorder notebooks

test-rooms: $(INSTALLED)
	$(PY) -m pytest -q -n $(JOBS) --dist worksteal --jaxtyping-packages=$(TYPED) \
	  --ignore=tests/book tests

# Also what the type checker kept from running in test-rooms.
test-book: $(INSTALLED)
	chromium=$$(sh .ci/browser $(PY)) && REGIME_CHROMIUM="$$chromium" \
	  $(PY) -m pytest -q -n $(JOBS) --dist worksteal tests/book @_build/untyped

lint: $(INSTALLED) ## check style, types, imports and spelling
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(VENV)/bin/lint-imports
	$(VENV)/bin/codespell
	$(PY) .ci/words.py

serve: book ## show the book at http://127.0.0.1:8000 (PORT=… elsewhere)
	@echo "The book is at http://127.0.0.1:$(PORT)/book/index.html; stop with Ctrl-C."
	@$(PY) -m http.server $(PORT) --bind 127.0.0.1 --directory _build/html

lab: $(LAB)/.installed ## open JupyterLab with copies of the chapters, in lab/; what you edit there is kept
	$(PY) -m regime_lib teach student all --keep -o lab
	$(LAB)/bin/jupyter-lab --ServerApp.root_dir=lab $(LAB_OPTIONS)

# As for the peers of `make bench`: Lab is no part of what chapters are measured with.
$(LAB)/.installed: requirements-lab.txt $(INSTALLED)
	@sh .ci/beside $(LAB) $(PY) requirements-lab.txt

gettext: book ## write the sentences to translate and the translated pages to _build/gettext
	$(PY) .ci/gettext.py

bench: $(BENCH)/.installed ## measure speed against peers and limits; writes the pages in benchmarks/
	for part in run deferred footprint certify sweeps training_response two_layer deep_linear neuron_modes live; do \
	  $(BENCH)/bin/python -m benchmarks.$$part || exit 1; \
	done

# The peers live in an environment of their own, which sees what .venv holds.
$(BENCH)/.installed: requirements-bench.txt $(INSTALLED)
	@sh .ci/beside $(BENCH) $(PY) requirements-bench.txt

lock: $(INSTALLED) ## write requirements.lock and environment.yml from what .venv holds
	$(PY) .ci/lock.py

files: $(INSTALLED) ## draw the tables of files in ARCHITECTURE.md
	$(PY) .ci/files.py

clean: ## remove everything that was built; .venv stays (rm -r .venv removes it too)
	rm -rf _build .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info
	find . -name __pycache__ -not -path './.venv*' -type d -prune -exec rm -rf {} +
