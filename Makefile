# Needs only Python >= 3.11, make and a package registry; everything else goes into .venv/.
# `make` lists the verbs. Another interpreter: make test PYTHON=python3.12

.DEFAULT_GOAL := help
.PHONY: help run test check attacks bench soak clean lock FORCE
.DELETE_ON_ERROR:
SHELL := /bin/sh

# The folders are called agents, tools, ...: the current directory must never be on sys.path.
export PYTHONSAFEPATH := 1
# One environment, made here, by the interpreter found below; certificates as the system has them.
export UV_PROJECT_ENVIRONMENT := .venv
export UV_PYTHON_DOWNLOADS := never
export UV_SYSTEM_CERTS ?= 1
unexport VIRTUAL_ENV PYTHONHOME PYTHONPATH

PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
UV := .venv/bin/uv
PY := .venv/bin/python
WORKERS ?= auto

help: ## list the verbs
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/\1 \2/p' $(firstword $(MAKEFILE_LIST)) | while read -r verb words; do printf '  make %-7s %s\n' "$$verb" "$$words"; done

run: .venv/.run ## run the research example end to end on the embedded defaults
	@.venv/bin/graphwright run research; status=$$?; \
	if [ $$status -eq 3 ]; then echo "The run waits for an approval (exit 3). Answer it: .venv/bin/graphwright inbox" >&2; exit 0; fi; \
	exit $$status

test: .venv/.dev ## run the tests, long ones excepted
	$(PY) -m pytest -n $(WORKERS) -m "not soak" $(ARGS)

check: .venv/.dev ## lint, format, types and floors; all of them, even after a failure
	@failed=; \
	for tool in "ruff check ." "ruff format --check ." "mypy" "lint-imports --no-logo"; do \
		echo "== $$tool"; \
		case $$tool in lint-imports*) path=.typings;; *) path=;; esac; \
		PYTHONPATH=$$path .venv/bin/$$tool || failed="$$failed, $$tool"; \
	done; \
	if [ -n "$$failed" ]; then echo "make check: failed: $${failed#, }" >&2; exit 1; fi

attacks: .venv/.run ## play every planted attack on every graph; an error if one succeeds
	.venv/bin/graphwright eval run attacks --state build/attacks

bench: .venv/.dev ## run the quick benchmarks
	@failed=; \
	for file in $(wildcard $(BENCHMARKS)); do \
		echo "== $$file"; $(PY) $$file; status=$$?; \
		case $$status in 0) ;; 2) echo "skipped: its data is not here" >&2;; *) failed="$$failed $$file";; esac; \
	done; \
	if [ -n "$$failed" ]; then echo "make bench: failed:$$failed" >&2; exit 1; fi
BENCHMARKS := benchmarks/retrieval/speed.py benchmarks/offline/bfcl.py benchmarks/peers/startup.py

soak: .venv/.dev ## run the long tests
	$(PY) -m pytest -n $(WORKERS) -m soak --timeout 3600 $(ARGS)

lock: .venv/.uv ## write uv.lock anew from pyproject.toml
	$(UV) lock --python $(PY)

clean: ## remove the environment, caches and build products (never .graphwright/)
	rm -rf .venv build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache reports
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --- the environment ------------------------------------------------------------------------------------------------
# .venv/.uv: a working interpreter and uv.  .venv/.run: what a user needs.  .venv/.dev: what a developer needs.
# .venv/.half exists while an install is under way: found at the start, an install was killed, and .venv/ is made anew.

# A moved checkout, a vanished interpreter or a missing uv make the stamps lie: look on every call, it takes 30 ms.
ifneq ($(shell cat .venv/.place 2>/dev/null; $(PY) -c 'import sys; print(sys.version_info >= (3, 11))' 2>&1; ls .venv/.half $(UV) 2>/dev/null),$(CURDIR) True $(UV))
.venv/.uv: FORCE
endif

.venv/.uv:
	@if [ -z "$(PYTHON)" ] || ! $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
		echo "Graphwright needs Python 3.11 or newer, and '$(or $(PYTHON),python3)' is not: install one, or name it: make PYTHON=/path/to/python3.12" >&2; exit 1; fi
	@if [ -e .venv/.half ] || { [ -e .venv/.place ] && [ "$$(cat .venv/.place)" != "$(CURDIR)" ]; } \
		|| ! $(PY) -c 'import sys, pip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
		echo "Making .venv/ with $$($(PYTHON) --version)" >&2; \
		rm -rf .venv && $(PYTHON) -m venv .venv \
		|| { rm -rf .venv; echo "'$(PYTHON) -m venv' failed: install the venv module of this Python (Debian: apt install python3-venv)." >&2; exit 1; }; fi
	@$(UV) --version >/dev/null 2>&1 || $(PY) -m pip install --quiet --disable-pip-version-check 'uv>=0.9'
	@echo "$(CURDIR)" >.venv/.place
	@touch $@

# With a registry of one's own (PIP_INDEX_URL, UV_DEFAULT_INDEX) the locked versions and hashes are installed from there.
INDEX := $(or $(UV_DEFAULT_INDEX),$(UV_INDEX_URL),$(PIP_INDEX_URL))
define sync
@touch .venv/.half; \
if [ -z "$(INDEX)" ]; then $(UV) sync --quiet --locked --inexact --python $(PY) $(1); else \
	$(UV) export --quiet --frozen --no-emit-project $(1) >.venv/.requirements \
	&& UV_DEFAULT_INDEX="$(INDEX)" $(UV) pip install --quiet --python $(PY) --require-hashes -r .venv/.requirements \
	&& UV_DEFAULT_INDEX="$(INDEX)" $(UV) pip install --quiet --python $(PY) --no-deps -e .; fi; \
status=$$?; rm -f .venv/.half; exit $$status
endef

.venv/.run: .venv/.uv pyproject.toml uv.lock
	@echo "Installing the locked packages into .venv/ (the first time takes a minute or two)" >&2
	$(call sync,--no-dev --extra ml)
	@touch $@

.venv/.dev: .venv/.uv pyproject.toml uv.lock
	@echo "Installing the locked packages and the tools for development into .venv/ (the first time takes a minute or two)" >&2
	$(call sync,--group dev)
	@touch .venv/.run $@

FORCE:
