# Plait's commands. `make help` lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PACKAGES := libs/common libs/fakes libs/cli services/gateway services/linker services/ledger services/analyzer \
	services/notifier services/api services/dashboard
STAMP := $(VENV)/.ready
RUN_STAMP := $(VENV)/.ready-to-run
OURS := $(addsuffix /pyproject.toml,$(PACKAGES)) scripts/setup
ARGS ?=
# Most tests wait more than they work. Each process has servers of its own.
SIDE_BY_SIDE := --numprocesses=4 --dist=worksteal

.DEFAULT_GOAL := help
.PHONY: help setup demo up test check suite bench e2e lock clean schemas screenshots

help: ## list the targets
	@awk -F':.*## ' '/^[a-z0-9-]+:.*## /{printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) ## make .venv with everything in it (does nothing when it is up to date)

$(STAMP): requirements/dev.txt $(OURS)
	@PYTHON="$(PYTHON)" scripts/setup $(VENV) "requirements/dev.txt" $(PACKAGES)
	@touch $@ $(RUN_STAMP)

# What `plait up` needs is half of what the tests need: a newcomer's first `make demo` waits for no more.
$(RUN_STAMP): requirements/runtime.txt requirements/build.txt $(OURS)
	@PYTHON="$(PYTHON)" scripts/setup $(VENV) "requirements/runtime.txt requirements/build.txt" $(PACKAGES)
	@touch $@

demo: $(RUN_STAMP) ## everything, with recorded sample traffic; ARGS=--exit stops afterwards
	@$(BIN)/plait demo $(ARGS)

up: $(RUN_STAMP) ## everything, waiting for your own traffic
	@$(BIN)/plait up $(ARGS)

test: check suite ## lint, types, imports, and every test on the embedded parts

suite: setup ## every test on the embedded parts, without the checks
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) tests/unit tests/contract tests/integration tests/faults tests/security tests/browser $(ARGS)

check: setup ## lint, types, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

e2e: setup ## the real clients (Claude Code, SDKs) and a real browser through the gateway
	$(BIN)/python -m pytest --numprocesses=2 --dist=loadfile tests/e2e $(ARGS)

bench: setup ## measure, and write docs/benchmarks.md
	$(BIN)/python -m tests.bench $(ARGS)

screenshots: setup ## picture every page of the dashboard over the demo's traffic into docs/img
	$(BIN)/python scripts/screenshots

schemas: setup ## write docs/events from the event models, docs/settings.md from the settings
	$(BIN)/python -m plait.common.schemas docs/events
	$(BIN)/plait settings --markdown > docs/settings.md

lock: setup ## pin all dependencies anew
	PATH="$(abspath $(BIN)):$$PATH" scripts/lock

clean: ## remove what the other targets made
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
