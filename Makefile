# The two commands are `make run` and `make test`; `make help` lists the others.
# All of it needs Python 3.11 or newer, git 2.38 or newer and make. Settings come from the environment; docs/operating.md lists them.

PYTHON ?= python3
python := .venv/bin/python
# The older client libraries that the tests run, by the names of their extras in pyproject.toml.
CLIENTS := client-1 client-0-36
# Quiet about its own steps; the programs speak for themselves.
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
.PHONY: run demo demo-remove test test-full lint format bench clean help tools site tests

run: site ## Start Grove; Ctrl-C stops it
	@exec $(python) manage.py up --end-with-parent

demo: site ## Start Grove and fill it with sample content, whose models are trained on the spot
	@exec $(python) manage.py up --end-with-parent --samples

demo-remove: site ## Remove the sample content from the running Grove
	@$(python) manage.py remove_samples

test: lint ## Run the checks and all tests
	@$(python) .ci/environment.py .venv-worker only:worker only:clients
	@for client in $(CLIENTS); do $(python) .ci/environment.py .venv-$$client only:$$client || exit 1; done
	@$(python) .ci/environment.py .venv-swift only:swift
	@.ci/packages
	@$(python) -m pytest -n auto $(ARGS)

test-full: ## Run the long tests too
	@$(MAKE) test ARGS="-m 'full or not full' $(ARGS)"

lint: tests ## Run the checks that need no running hub
	$(python) -m ruff check
	$(python) -m ruff format --check --quiet
	@# A key and a queue from the environment: the checks leave no data folder behind.
	GROVE_SECRET_KEY=lint REDIS_URL=redis://lint $(python) -m mypy
	$(python) .venv/bin/lint-imports
	@find templates hub -name '*.html' -path '*templates*' -print0 | xargs -0r .venv/bin/djade --target-version 5.2 --check

format: tests ## Put code and templates into the house's form
	$(python) -m ruff check --fix --quiet
	$(python) -m ruff format --quiet
	@find templates hub -name '*.html' -path '*templates*' -print0 | xargs -0r .venv/bin/djade --target-version 5.2

bench: tests ## Measure; one alone: python -m tests.benchmarks.NAME
	@$(python) .ci/environment.py .venv-worker only:worker only:clients only:bench
	@$(python) .ci/environment.py .venv-swift only:swift
	@for file in tests/benchmarks/[a-z]*.py; do \
	  $(python) -m tests.benchmarks.$$(basename "$$file" .py) $(ARGS) || exit 1; done

clean: ## Remove the environments and caches, never the data
	rm -rf .venv .venv-worker .venv-client-* .venv-swift build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

help: ## Say what there is
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

# --- environments ---------------------------------------------------------------------------------------------------

tools:
	@command -v $(PYTHON) >/dev/null || { echo "Grove needs Python 3.11 or newer; there is no $(PYTHON) here." >&2; exit 1; }
	@command -v git >/dev/null || { echo "Grove needs git; install it (on Debian: apt install git)." >&2; exit 1; }
	@# The first that merges without a working tree.
	@printf '%s\n' 2.38 "$$(git version | cut -d ' ' -f 3)" | sort --check=quiet --version-sort || \
	  { echo "Grove needs git 2.38 or newer; this is $$(git version)." >&2; exit 1; }

site: tools
	@$(PYTHON) .ci/environment.py .venv embedded

tests: tools
	@$(PYTHON) .ci/environment.py .venv embedded stream test dev
