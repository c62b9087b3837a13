# Everything a newcomer types. Each target sets up what it needs, in .venv, and is quick when nothing has changed.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup proto demo demo-lorax demo-batch demo-platform demo-helios demo-mixed target lint format test slow soak cover docs docs-serve bench bench-socketio charts-docs lock sbom licences clean

# The first Python on the path that is new enough; `make PYTHON=python3.13 …` for another one.
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$python; break; }; done)
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
GENERATED := $(VENV)/.generated
ALL := $(VENV)/.all
PROTOS := $(wildcard proto/*.proto)
PARALLEL := -n auto --dist worksteal  # see tests/conftest.py

help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(GENERATED)  ## Install everything into .venv

proto: $(INSTALLED)  ## Generate the protobuf modules from proto/
	@$(BIN)/python -m wireswarm.protos
	@touch $(GENERATED)

demo: $(GENERATED)  ## Run a whole load test here: server, 10 users, reports; half a minute
	@$(BIN)/wireswarm demo $(ARGS)

demo-lorax: $(GENERATED)  ## The same with HTTP and Socket.IO
	@$(BIN)/wireswarm demo lorax --results results/demo-lorax $(ARGS)

demo-batch: $(GENERATED)  ## The same with uploads that are worked on and asked for
	@$(BIN)/wireswarm demo batch --results results/demo-batch $(ARGS)

demo-platform: $(GENERATED)  ## The same with JSON and three kinds of users
	@$(BIN)/wireswarm demo platform --results results/demo-platform $(ARGS)

demo-helios: $(GENERATED)  ## The same with GraphQL and four kinds of users
	@$(BIN)/wireswarm demo helios --results results/demo-helios $(ARGS)

demo-mixed: $(GENERATED)  ## The same with protobuf, Socket.IO and JSON in one swarm
	@$(BIN)/wireswarm demo mixed --results results/demo-mixed $(ARGS)

target: $(GENERATED)  ## Serve the reference target on port 8000
	@$(BIN)/wireswarm target $(ARGS)

lint: $(GENERATED)  ## Format, style, types and the direction of imports
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(GENERATED)  ## Mend what can be mended by itself
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

test: $(GENERATED)  ## Run the tests (ARGS="-k flow" for some of them, ARGS="-n 0" one by one)
	$(BIN)/python -m pytest $(PARALLEL) $(ARGS)

slow: $(GENERATED)  ## Run the tests that `make test` leaves out because they take long, ten minutes in all
	$(BIN)/python -m pytest -m slow $(ARGS)

soak: $(GENERATED)  ## Run the tests that take minutes, an hour in all (ARGS="-k memory", SOAK_MINUTES=5)
	$(BIN)/python -m pytest tests/soak $(ARGS)

cover: $(GENERATED)  ## Run the tests and hold the branch coverage at 95 % or more
	$(BIN)/python -m pytest $(PARALLEL) --cov --cov-report=term --cov-fail-under=95 $(ARGS)

docs: $(ALL)  ## Build the documentation as a site, site/index.html
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict
	@echo "The site is site/index.html"

docs-serve: $(ALL)  ## Show the documentation on port 8001, and again after each change
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs serve --dev-addr 127.0.0.1:8001

bench: $(GENERATED)  ## Race load generators (needs nginx; ARGS="--case all"), see bench/README.md
	$(BIN)/python bench/http_throughput.py $(ARGS)

bench-socketio: $(GENERATED)  ## Race load generators over Socket.IO (needs npm; ARGS="--case all")
	@test -d bench/socketio/node_modules || npm ci --prefix bench/socketio
	$(BIN)/python bench/socketio_emits.py $(ARGS)

charts-docs: $(GENERATED)  ## Renew the table of the chart's values in its README
	@$(BIN)/python charts/values_table.py charts/locust

UV_COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-header pyproject.toml

lock: $(INSTALLED)  ## Renew the locked requirements from pyproject.toml
	$(BIN)/python -m pip install --quiet uv
	$(UV_COMPILE) --upgrade --extra target --extra dev --output-file requirements.lock
	$(UV_COMPILE) --constraint requirements.lock --no-annotate --extra target --output-file requirements.txt
	$(UV_COMPILE) --constraint requirements.lock --extra target --extra dev --extra docs --extra charts \
		--extra release --output-file requirements-all.lock

# What an installation has, without what only its developers need.
RUNTIME := dist/runtime
$(RUNTIME): requirements.txt pyproject.toml $(GENERATED)
	rm -rf $@
	$(BIN)/python -m venv $@
	$@/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	$(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .
	$@/bin/python -m pip install --quiet --disable-pip-version-check --no-deps dist/wireswarm-*.whl
	$@/bin/python -m pip uninstall --quiet --yes pip setuptools

sbom: $(RUNTIME) $(ALL)  ## Write what an installation is made of, as CycloneDX, to dist/
	$(BIN)/cyclonedx-py environment $(RUNTIME)/bin/python --pyproject pyproject.toml --output-reproducible \
		--output-file dist/wireswarm.cdx.json

licences: $(RUNTIME) $(ALL)  ## Write under which terms each part may be used, to docs/licences.md
	@{ echo "# Licences"; echo; \
	   echo "What an installation of Wireswarm is made of, and under which terms; written by \`make licences\`."; echo; \
	   $(BIN)/pip-licenses --python $(RUNTIME)/bin/python --format=markdown --order=name --ignore-packages wireswarm; \
	} > docs/licences.md

clean:  ## Remove everything that was made here
	rm -rf $(VENV) results site dist htmlcov .coverage .coverage.* .pytest_cache .mypy_cache .ruff_cache \
		.import_linter_cache .hypothesis src/wireswarm/protos/*_pb2.py src/wireswarm/protos/*_pb2.pyi

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed, and none is on the path" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(INSTALLED): requirements.lock pyproject.toml hatch_build.py | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

# Beside that, what only documentation, the tests of the chart and a release need: 200 MB, so not for everybody.
$(ALL): requirements-all.lock $(GENERATED)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-all.lock
	@touch $@

$(GENERATED): $(PROTOS) src/wireswarm/protos/compiler.py $(INSTALLED)
	@$(BIN)/python -m wireswarm.protos
	@touch $@
