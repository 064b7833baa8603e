# Every target sets up what it needs; `make help` lists them.

SHELL := /bin/sh
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

# Where nothing compiled may be written, each of the hundreds of processes of the tests compiles all.
unexport PYTHONDONTWRITEBYTECODE

# The lock is made for these versions. A name on the PATH may still fail to run
# (a version manager's stub), so each candidate is asked.
PYTHONS := python3.13 python3.12 python3.11 python3 python
FIND_PYTHON = for python in $(PYTHON) $(PYTHONS); do \
	"$$python" -c 'import sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
	>/dev/null 2>&1 && break; python=; done; \
	test -n "$$python" || { echo "error: no Python 3.11 to 3.13 found; install one, or name it: make PYTHON=/path/to/python3.12" >&2; exit 1; }

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' Makefile

# The stamp is written last, so an interrupted set-up starts again.
$(READY): .requirements.lock pyproject.toml
	@$(FIND_PYTHON); echo "setting up $(VENV) with $$("$$python" --version)"; \
	"$$python" -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--require-hashes -r .requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--no-deps --no-build-isolation -e .
	@touch $@

.PHONY: demo
demo: $(READY) ## simulate an organisation, run the pipeline on it, print the digest
	@$(BIN)/signals demo $(ARGS)

.PHONY: stack
stack: $(READY) ## Kafka, a worker and a store on this machine, without Docker; Ctrl-C ends them
	@$(BIN)/python -m deploy.kafka.stack $(ARGS)

.PHONY: test
test: $(READY) ## the tests, but for the long proofs
	@# three, for some wait for a broker
	$(BIN)/python -m pytest -n 3 --dist worksteal -m "not prove and not chaos" $(ARGS)

.PHONY: prove
prove: $(READY) ## the long proofs
	$(BIN)/python -m pytest -n 2 --dist worksteal -m prove $(ARGS)

.PHONY: gallery
gallery: $(READY) ## pictures of the dashboards of the demo, into dashboards/gallery; needs Chromium
	@rm -rf dist/gallery
	@$(BIN)/signals demo --data dist/gallery/data
	@$(BIN)/signals preview --data dist/gallery/data --out dist/gallery --png
	@if command -v pngquant >/dev/null; then pngquant --force --ext .png 128 dist/gallery/*.png; fi
	@mkdir -p dashboards/gallery && cp dist/gallery/*.png dashboards/gallery/

# Of the data that `make demo` leaves; DATA names another directory.
.PHONY: dashboards-render
dashboards-render: $(READY) ## all dashboards, drawn by Grafana's components; needs Node and Chromium
	@test -d $(or $(DATA),.signals)/clickhouse || $(BIN)/signals demo
	@rm -rf dist/dashboards && $(BIN)/python -m tests.dashboards.export $(or $(DATA),.signals) dist/dashboards
	@$(BIN)/python -m tests.dashboards.render dist/dashboards --out dist/pictures

.PHONY: chaos
chaos: $(READY) ## break workers, Kafka and ClickHouse; a table of what was hit
	$(BIN)/python -m pytest -m chaos tests/stream $(ARGS)

.PHONY: lint
lint: $(READY) ## style, types and the direction of imports
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy --strict pipeline dashboards
	$(BIN)/lint-imports

.PHONY: bench
bench: $(READY) ## how fast it is here
	@$(BIN)/python -m tests.bench $(ARGS)

# Quix Streams is only compared with, so it is no part of the environment.
.venv-quix/.ready: Makefile
	@$(FIND_PYTHON); "$$python" -m venv --clear .venv-quix
	@.venv-quix/bin/python -m pip install --quiet --disable-pip-version-check quixstreams==3.28.1
	@touch $@

.PHONY: bench-stream
bench-stream: $(READY) .venv-quix/.ready ## how fast the stream engine is here, on a broker
	@$(BIN)/python -m tests.bench.stream --quix .venv-quix/bin/python $(ARGS)

# uv is needed here only, so it is no part of the environment.
.PHONY: lock
lock: ## pin what pyproject.toml asks for, with hashes
	@$(FIND_PYTHON); "$$python" -m venv --clear .venv-lock
	@.venv-lock/bin/python -m pip install --quiet --disable-pip-version-check "uv>=0.13,<0.14"
	@.venv-lock/bin/uv pip compile --quiet --universal --python-version 3.11 \
		--group dev --extra rocksdb --generate-hashes --no-header --no-emit-index-url --no-emit-find-links \
		$(if $(UPGRADE),--upgrade) --output-file .requirements.lock pyproject.toml
	@rm -rf .venv-lock

.PHONY: clean
clean: ## remove the environment and caches; data in .signals stays
	rm -rf $(VENV) .venv-lock .venv-quix .pytest_cache .mypy_cache .ruff_cache .import_linter_cache \
		.hypothesis dist tests/dashboards/render/node_modules tests/dashboards/render/dist
	find pipeline dashboards tests -name __pycache__ -type d -prune -exec rm -rf {} +
