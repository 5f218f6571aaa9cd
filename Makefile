# make demo    set up, validate, verify on the shipped model, build, serve
# make test    set up, check, test (what is slow: make test-all)
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.PHONY: help setup demo serve test test-all check browser format evidence wheel clean

PYTHON ?= python3
VENV ?= .venv
PORT ?= 8000
SERVE ?= yes
# On Linux, PyPI's torch brings CUDA (gigabytes). For the CPU build:
#   make demo TORCH_INDEX=https://download.pytorch.org/whl/cpu
TORCH_INDEX ?=

# Tests of one file stay in one process, which shares what they build. The processes use a core each:
# with more threads they wait for one another. Names of tests that are made from sets must be the same
# in all of them: hence the fixed seed of hashes.
WORKERS ?= --numprocesses auto --dist loadfile

BIN := $(VENV)/bin
HEADBOOK := $(BIN)/headbook
STAMP := $(VENV)/.installed
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
TORCH_PIN := $(shell grep '^torch==' constraints.txt)

# Everything that the database and the site are made from
# (folders too: their time changes when a file goes)
DATA := $(shell find entries -not -name '.*' 2>/dev/null)
SITE_SOURCES := $(shell find site -not -name '*.pyc' -not -name __pycache__ 2>/dev/null) mkdocs.yml \
	$(wildcard catalog/*.py catalog/*/*.py api/*.py api/*/*.py)

help:
	@echo "make demo    set up, validate, verify on the shipped model, build the site, serve"
	@echo "             (SERVE=no stops before serving, PORT=8000 chooses the port)"
	@echo "make test    set up, check and test;  make test-all  also what is slow"
	@echo "make format  format the code;         make evidence  verify again into entries/evidence"

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Headbook needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) -V). Try: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	@echo "setting up $(VENV) (some minutes the first time)"
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || { rm -rf $(VENV); $(PYTHON) -m venv $(VENV); } || \
		{ rm -rf $(VENV); echo "cannot make a virtual environment (Debian, Ubuntu: apt-get install python3-venv)"; exit 1; }
	@$(PIP) $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) "$(TORCH_PIN)"
	@$(PIP) -e '.[verify,site,dev]'
	@touch $@

demo: build/demo/site/index.html
ifeq ($(SERVE),yes)
	@$(HEADBOOK) serve --port $(PORT) --database build/demo/headbook.sqlite --site build/demo/site || \
		{ echo "for another port: make demo PORT=8001"; exit 1; }
else
	@echo "built; to serve it: make demo"
endif

build/demo/verified: $(STAMP) $(DATA) $(wildcard verify/*.py verify/*/*.py)
	@$(HEADBOOK) validate
	@$(HEADBOOK) verify --model reference --out build/demo/evidence
	@$(HEADBOOK) verify --model reference-gpt2 --out build/demo/evidence
	@touch $@

build/demo/headbook.sqlite: build/demo/verified $(SITE_SOURCES)
	@$(HEADBOOK) db --evidence build/demo/evidence --out $@
	@touch $@

build/demo/site/index.html: build/demo/headbook.sqlite
	@$(HEADBOOK) site --database build/demo/headbook.sqlite --out build/demo/site
	@touch $@

test: check browser
	@OMP_NUM_THREADS=1 PYTHONHASHSEED=0 $(BIN)/python -m pytest -m "not slow" $(WORKERS)

test-all: check browser
	@OMP_NUM_THREADS=1 PYTHONHASHSEED=0 $(BIN)/python -m pytest $(WORKERS)

check: $(STAMP)
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(HEADBOOK) validate

# Tests drive a real browser; Debian's package is used as it is.
browser: $(STAMP)
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || { \
		if [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then \
			echo "The browser tests need the command 'chromium'. Debian: sudo apt-get install chromium;"; \
			echo "Ubuntu: sudo snap install chromium;  macOS: brew install --cask chromium"; \
			exit 1; \
		fi; \
		echo "installing chromium"; apt-get -qq update; \
		if apt-cache show chromium 2>/dev/null | grep -q '^Version:.*[0-9]' && ! grep -qi '^ID=ubuntu' /etc/os-release; then \
			DEBIAN_FRONTEND=noninteractive apt-get -qq install -y chromium >/dev/null; \
		else \
			$(BIN)/python -m playwright install --with-deps chromium && \
			ln -sf "$$($(BIN)/python -c 'from playwright.sync_api import sync_playwright as s; p = s().start(); print(p.chromium.executable_path); p.stop()')" /usr/local/bin/chromium; \
		fi; }

format: $(STAMP)
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

evidence: $(STAMP)
	@$(HEADBOOK) verify --model reference --out entries/evidence
	@$(HEADBOOK) verify --model reference-gpt2 --out entries/evidence

wheel: $(STAMP)
	@$(BIN)/python -m build --no-isolation --outdir dist .

clean:
	rm -rf build dist
