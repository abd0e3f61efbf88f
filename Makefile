# `make report` and `make test` are all that a newcomer needs; each sets up .venv by itself.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
ifeq ($(OS),Windows_NT)
BIN    := $(VENV)/Scripts
endif
# Bytecode is made at once, on all cores, and written later too: where PYTHONDONTWRITEBYTECODE is set, as in many
# containers, every process would compile what it imports. What no module of a library imports, its tests, has none.
unexport PYTHONDONTWRITEBYTECODE
PIP    := $(BIN)/python -m pip install --disable-pip-version-check --no-compile -q -c constraints.txt
# A library may hold a file for a newer Python, which does not compile here.
BYTES  := $(BIN)/python -m compileall -qq -j 0 -x '/tests?/' $(VENV)
PYTEST := $(BIN)/python -m pytest
# pip inside asv's environments obeys the same pins as ours.
ASV    := PIP_CONSTRAINT=$(CURDIR)/constraints.txt $(BIN)/asv
SIZE   ?= quick
OUTPUT ?= results

.DEFAULT_GOAL := help
.PHONY: help report test test-deep coverage lint bench dashboard compare docs site clean

help:
	@echo "make report     verify the claims, run the experiments (SIZE=quick|standard|full), write one page"
	@echo "make test       the test suite                make test-deep   its second tier, overnight"
	@echo "make coverage   make test, and which lines it reaches"
	@echo "make lint       style, types, import order    make bench       asv, this commit"
	@echo "make dashboard  asv site over commits         make compare BASE=commit   fails if this is slower"
	@echo "make docs       generated pages and stubs     make site       the documentation, as a site"

# The environment is made once, by whichever target comes first: to change its Python, `make clean`. A stamp is made only
# by an install that ended well, so an interrupted one is taken up again. The tests' is one install, of what is run too.
.DELETE_ON_ERROR:
$(VENV)/pyvenv.cfg:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "implicitbench needs Python 3.11 or newer, this is " + sys.version.split()[0] + "; name another one: make PYTHON=python3.12")'
	@echo "Setting up $(VENV); the first time takes some minutes."
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.run: pyproject.toml constraints.txt | $(VENV)/pyvenv.cfg
	@$(PIP) -e '.[all]'
	@$(BYTES) || true
	@touch $@

$(VENV)/.test: pyproject.toml constraints.txt | $(VENV)/pyvenv.cfg
	@$(PIP) -e '.[all,test,docs]'
	@$(BYTES) || true
	@touch $(VENV)/.run $@

report: $(VENV)/.run
	@$(BIN)/implicitbench report --size $(SIZE) --output $(OUTPUT)

# Timing guards switch themselves off beside other processes. CUDA's simulator, its compiler and the driver that stands in
# for a device's need a process each; what needs a device is skipped where none answers, and counted. Kernels run as the
# Python that they are written in too, where samples are small. Two workers of one thread each: more would wait for each
# other; a file is one worker's, so that neither compiles what the other does, and files go in their order, in which the
# last ones are short.
UNCOMPILED := tests/knn/test_kernels.py tests/knn/test_principal.py tests/knn/test_look_up.py tests/knn/test_lsh.py \
	tests/knn/test_exact_kernels.py tests/knn/test_tree_kernels.py tests/knn/test_rotated.py tests/knn/test_laws.py \
	tests/knn/test_dynamic.py tests/knn/test_radius.py tests/estimators/test_kernel_distances.py \
	tests/estimators/test_kernel_distances_statistics.py
test: $(VENV)/.test
	@OMP_NUM_THREADS=1 $(PYTEST) tests -n 2 --dist loadfile --no-loadscope-reorder -m "not deep and not perf and not simulator and not stand_in" --ignore=tests/perf $(COVER)
	@NUMBA_ENABLE_CUDASIM=1 $(PYTEST) tests/cuda -n 2 -m "simulator and not deep" $(COVER)
	@STAND_IN=shuffled $(PYTEST) tests/cuda -n 2 --dist loadfile -m "stand_in and not deep" $(COVER)
	@NUMBA_DISABLE_JIT=1 $(PYTEST) $(UNCOMPILED) -n 2 -m "not deep" -k "twin or products or bisection or bucket or kernels \
		or degenerate or never_used_again or occurs_are_found \
		or (test_kernel_distances and not (threads or repetition or libraries))" $(COVER)
	@OMP_NUM_THREADS=1 $(PYTEST) tests/perf -m perf --benchmark-disable-gc --benchmark-columns=median,iqr,rounds

# The lines that `make test` reaches, kernels among them, since they run uncompiled too. Tracing doubles its time.
coverage: $(VENV)/.test
	@rm -f .coverage .coverage.*
	@$(MAKE) test COVER='--cov --cov-append --cov-report='
	@$(BIN)/python -m coverage report

test-deep: $(VENV)/.test
	HYPOTHESIS_PROFILE=deep $(PYTEST) tests -n 2 -m "not perf and not simulator and not stand_in" --ignore=tests/perf --timeout=7200
	NUMBA_ENABLE_CUDASIM=1 $(PYTEST) tests/cuda -n 2 -m "simulator and deep" --timeout=7200
	for order in forwards backwards 7; do STAND_IN=$$order $(PYTEST) tests/cuda -n 2 -m "stand_in or (simulator and not simulator_alone)" --timeout=7200 || exit; done

lint: $(VENV)/.test
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/mypy

bench: $(VENV)/.test
	$(ASV) machine --yes
	$(ASV) run --quick --show-stderr 'HEAD^!'

# BENCH: a regular expression of benchmarks, all of them by default, some minutes a commit. The published site asks other
# hosts for its scripts; the last but one line brings these beside it.
COMMITS ?= 20
BENCH   ?= .
dashboard: $(VENV)/.test
	$(ASV) machine --yes
	$(ASV) run --quick --skip-existing-successful --steps $(COMMITS) --bench '$(BENCH)' HEAD~0
	$(ASV) publish
	$(BIN)/implicitbench report --history --output $(OUTPUT)
	-$(BIN)/python -m benchmarks.offline_site .asv/html
	@echo "asv's site: $(BIN)/asv preview"

# After so many minutes it stops with exit code 3; the same command goes on where it was.
MINUTES ?= 20
compare: $(VENV)/.test
	@$(BIN)/python -m benchmarks.compare $(or $(BASE),$(error BASE is missing: make compare BASE=main)) \
		--bench '$(BENCH)' --minutes $(MINUTES)

docs: $(VENV)/.run
	$(BIN)/python -m reports.coverage_table
	$(BIN)/python -m reports.claims_page
	$(BIN)/python -m reports.errata_page
	$(BIN)/python -m reports.docs_tables
	$(BIN)/python -m reports.reproducing_page
	$(BIN)/python -m reports.stubs

site: $(VENV)/.test
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict
	@echo "The documentation: site/index.html"

clean:
	rm -rf $(VENV) build dist *.egg-info .asv .pytest_cache .mypy_cache .ruff_cache .hypothesis
