# Everything sets itself up: a virtual environment with the locked packages is all it takes.

PYTHON ?= python3
SUBMISSION ?= fixtures/programs/echo/c-select
EXERCISE ?= echo
OPTIONS ?=
BASE ?=
JOBS ?= 3

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready

# Some machines forbid it; every start would compile the engine anew.
unexport PYTHONDONTWRITEBYTECODE

# Its name may have blanks in it.
export SUBMISSION

.DEFAULT_GOAL := help
.PHONY: help check image test proof hostile lint bench soak docs lock clean

help: ## what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-7s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(READY): requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "sockspec needs Python 3.11 or newer; say which with PYTHON=...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -c 'import pathlib, sysconfig; pathlib.Path(sysconfig.get_path("purelib"), "sockspec.pth").write_text("$(CURDIR)\n")'
	@touch $@

check: $(READY) ## check SUBMISSION (default: the C example) against the reference of EXERCISE
	@$(BIN)/python -P -m sockspec check "$$SUBMISSION" --exercise $(EXERCISE) $(OPTIONS)

test: $(READY) ## all tests but those of proof and hostile, JOBS at a time, with coverage; every good program last
	@rm -f .coverage .coverage.*
	$(BIN)/coverage run -m pytest tests --numprocesses $(JOBS) --dist loadfile \
		--ignore tests/test_mutants.py --ignore tests/test_programs.py --ignore tests/test_hostile.py --ignore tests/test_class.py
	$(BIN)/coverage run -m pytest tests/test_programs.py --numprocesses $(JOBS)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report --fail-under 90

image: $(READY) ## the image of the sandbox, on BASE (default: a local sockspec-base, or a public Python image)
	@$(BIN)/python -P -m sockspec image $(if $(BASE),--base $(BASE))

proof: $(READY) ## every mutant against its table: takes long
	$(BIN)/python -m pytest tests/test_mutants.py --numprocesses $(JOBS)

hostile: $(READY) ## in containers: every hostile submission against its verdict, and a class: takes long
	$(BIN)/python -m pytest tests/test_class.py
	$(BIN)/python -m pytest tests/test_hostile.py --numprocesses 2 # each has a neighbour beside it

lint: $(READY) ## ruff, ruff format and mypy --strict
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

bench: $(READY) ## the figures of docs/figures.md, measured side by side
	$(BIN)/python -P bench/bench.py
	$(BIN)/python -P bench/container.py
	$(BIN)/python -P bench/journal.py

soak: $(READY) ## 30 rounds beside 4 busy processes a core: does any verdict differ from the idle one?
	$(BIN)/python -P bench/soak.py

docs: $(READY) ## renew what is generated: tables of requirements and exercises, the report's schema, golden files
	RENEW=1 $(BIN)/python -m pytest --quiet tests/test_pages.py tests/test_report_json.py tests/test_report_terminal.py \
		tests/test_report_feedback.py

lock: ## renew requirements.lock from pyproject.toml (needs uv)
	uv pip compile --quiet --generate-hashes --no-emit-index-url --no-annotate --python-version 3.11 \
		--custom-compile-command "make lock" --group dev pyproject.toml --output-file requirements.lock

clean: ## remove what was made here, and the reference's recorded observations
	rm -rf $(VENV) .coverage .coverage.* .mypy_cache .ruff_cache .hypothesis dist
	rm -rf "$${XDG_CACHE_HOME:-$$HOME/.cache}/sockspec"
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
