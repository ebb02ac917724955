# One target a task; `make help` lists them. Nothing here needs root or calls apt.
PYTHON ?= python3
BIN := .venv/bin

.DEFAULT_GOAL := help

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: setup
setup: .venv/.ready ## the virtual environment from the hashed locks

.venv/.ready: requirements/bootstrap.txt requirements/dev.txt pyproject.toml
	@echo "Setting up .venv from the locked packages"
	@$(PYTHON) -m venv .venv
	@$(BIN)/pip install --quiet --require-hashes -r requirements/bootstrap.txt
	@VIRTUAL_ENV=$(CURDIR)/.venv $(BIN)/uv pip sync --quiet --require-hashes requirements/dev.txt
	@VIRTUAL_ENV=$(CURDIR)/.venv $(BIN)/uv pip install --quiet --no-deps -e .
	@touch $@

.PHONY: test
test: lint unit integration ## all of the tests; the first run builds the Kubernetes programs (minutes)

.PHONY: lint
lint: setup ## style, types and import order
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

.PHONY: unit
unit: setup ## unit tests and scenarios
	$(BIN)/python -m pytest -q tests/unit $(wildcard tests/scenarios)

.PHONY: integration
integration: setup ## over the wire: real Kubernetes API, real model servers, real Locust
	$(BIN)/python -m devcluster fetch
	$(BIN)/python -m pytest -q tests/integration

.PHONY: control-plane
control-plane: setup ## a Kubernetes API on loopback until Ctrl-C; prints the KUBECONFIG line
	@$(BIN)/python -m devcluster up --controller-manager

.PHONY: bench
bench: setup ## the router of local SageMaker against the bare model servers
	$(BIN)/python tools/bench/router.py

.PHONY: lock
lock: setup ## resolve the dependencies anew within their bounds
	@for extra in operator loadtest local dev; do \
	  flag=$$([ $$extra = operator ] || echo "--extra $$extra"); \
	  $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 \
	    $$flag pyproject.toml -o requirements/$$extra.txt -c requirements/dev.txt; \
	done
