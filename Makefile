# One target a task; `make help` lists them. None calls apt; `images`, `cluster` and `test-cluster` alone need root.
PYTHON ?= python3
BIN := .venv/bin
LOCK := --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11

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
	@VIRTUAL_ENV="$(CURDIR)/.venv" $(BIN)/uv pip sync --quiet --require-hashes requirements/dev.txt
	@VIRTUAL_ENV="$(CURDIR)/.venv" $(BIN)/uv pip install --quiet --no-deps -e .
	@touch $@

.PHONY: demo
demo: setup ## everything on this machine: a YAML file becomes an endpoint under load; KEEP=1 leaves it running
	@$(BIN)/python -m demo

.PHONY: test
test: lint unit charts integration ## all of the tests; the first run fetches or builds the Kubernetes programs

.PHONY: lint
lint: setup ## style, types and import order
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

.PHONY: unit
unit: setup ## unit tests and scenarios
	$(BIN)/python -m pytest -q tests/unit tests/scenarios

.PHONY: charts
charts: setup ## the charts: Helm's lint and renders, bad values, a real API server's opinion
	$(BIN)/python -m pytest -q tests/charts

.PHONY: integration
integration: setup ## over the wire: real Kubernetes API, real model servers, real Locust, the demo
	$(BIN)/python -m devcluster fetch
	$(BIN)/python -m pytest -q tests/integration -m "not alone" --numprocesses=2 --dist=worksteal
	$(BIN)/python -m pytest -q tests/integration -m alone

.PHONY: mutants
mutants: setup ## break named behaviours one at a time; each must be caught
	$(BIN)/python -m mutants

.PHONY: control-plane
control-plane: setup ## a Kubernetes API on loopback until Ctrl-C; prints the lines for KUBECONFIG and kubectl
	@$(BIN)/python -m devcluster up --controller-manager

.PHONY: images
images: setup ## the three container images by buildah (root on Linux); elsewhere: docker build --target operator .
	@$(BIN)/python -m cluster images

.PHONY: cluster
cluster: setup ## a Kubernetes cluster of one node with the images on it until Ctrl-C (root on Linux); prints the lines for KUBECONFIG and kubectl
	@$(BIN)/python -m cluster up

.PHONY: test-cluster
test-cluster: setup ## operator, local SageMaker and load test as pods of a real cluster (root on Linux)
	$(BIN)/python -m cluster check
	$(BIN)/python -m cluster fetch
	$(BIN)/python -m pytest -q tests/cluster

.PHONY: bench
bench: setup ## many endpoints at once beside AWS's own controller; the load tester; the router and control plane of local SageMaker
	$(BIN)/python -m bench.local
	$(BIN)/python -m bench.loadtest
	$(BIN)/python tools/bench/scale.py

.PHONY: lock
lock: setup ## resolve the dependencies anew within their bounds
	@$(BIN)/uv pip compile --quiet --upgrade $(LOCK) --all-extras pyproject.toml -o requirements/dev.txt
	@for extra in loadtest local; do \
	  $(BIN)/uv pip compile --quiet $(LOCK) -c requirements/dev.txt --extra $$extra pyproject.toml -o requirements/$$extra.txt; \
	done
	@$(BIN)/uv pip compile --quiet $(LOCK) -c requirements/dev.txt pyproject.toml -o requirements/operator.txt
	@echo 'hatchling>=1.27,<2' | $(BIN)/uv pip compile --quiet --upgrade $(LOCK) - -o requirements/build.txt
