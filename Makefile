# The only entry to everything here: `make` or `make help` lists it.
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# The first interpreter that is new enough; say `make PYTHON=/path/to/python3.12 ...` to choose another.
PYTHON ?= $(firstword $(foreach name,python3 python3.13 python3.12 python3.11,$(shell \
  $(name) -c 'import sys; sys.exit(not sys.version_info >= (3, 11))' 2>/dev/null && command -v $(name))))

BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input
# On a terminal pip shows its progress; a log needs only its errors.
INSTALL := $(PIP) install $(if $(CI),--quiet --progress-bar off)
# Stamps: touched when an installation is complete, so that nothing is done twice.
APPLICATION := .venv/.application
DEVELOPMENT := .venv/.development
UV_VERSION := 0.13.9

PROTO := $(shell find proto -name '*.proto' | LC_ALL=C sort)
# Where `generate` writes; `check-generated` writes elsewhere and compares.
GENERATED := sdk/python/src
DEFINITIONS := deploy/rabbitmq/definitions.json
# Further words for the command behind a target: make demo ARGS=--json, make test ARGS="tests/cases -k undo"
ARGS ?=

.PHONY: help
help: ## list what can be made
	@awk 'BEGIN { FS = ":.*## " } \
	  /^##@ / { printf "\n%s\n", substr($$0, 5) } \
	  /^[a-z-]+:.*## / { printf "  %-16s %s\n", $$1, $$2 }' Makefile
	@printf '\nARGS="..." is handed on: make demo ARGS=--json, make test ARGS="tests/cases -k undo"\n'

##@ Run it

.PHONY: demo
demo: $(APPLICATION) ## install what is needed, then show one thing flow through its departments
	@$(BIN)/duokua demo $(ARGS)

.PHONY: up
up: $(APPLICATION) ## start the platform on SQLite and its own broker, and leave it running
	@$(BIN)/duokua up $(ARGS)

.PHONY: venv
venv: $(DEVELOPMENT) ## make .venv with everything that development needs

##@ Check it (in the order of .ci/run)

.PHONY: lint
lint: $(DEVELOPMENT) ## ruff: rules and formatting
	$(BIN)/ruff check
	$(BIN)/ruff format --check

.PHONY: types
types: $(DEVELOPMENT) ## mypy --strict
	$(BIN)/mypy

.PHONY: imports
imports: $(DEVELOPMENT) ## who may import whom
	$(BIN)/lint-imports --cache-dir .cache/import-linter

.PHONY: proto
proto: $(DEVELOPMENT) ## contracts: style, formatting, and nothing broken since the last release
	$(BIN)/buf lint proto
	$(BIN)/buf format --diff --exit-code proto
	$(BIN)/buf breaking proto --against proto/released.binpb

.PHONY: check-generated
check-generated: $(DEVELOPMENT) ## generated code is what the contracts give today
	@rm -rf .cache/generated && mkdir -p .cache/generated
	@$(MAKE) generate GENERATED=.cache/generated DEFINITIONS=.cache/definitions.json
	@diff $(DEFINITIONS) .cache/definitions.json \
	  || { echo 'The broker definitions differ from what the workers subscribe to: run `make generate` and commit the result.'; exit 1; }
	@for tree in $(GENERATED) .cache/generated; do \
	  (cd $$tree && find . -name '*_pb2*.py' -o -name '*_pb2*.pyi' | LC_ALL=C sort | xargs cksum) > .cache/$$(basename $$tree).sums; \
	done
	@diff .cache/$$(basename $(GENERATED)).sums .cache/generated.sums \
	  || { echo 'Generated code differs from the contracts: run `make generate` and commit the result.'; exit 1; }

.PHONY: test
test: $(DEVELOPMENT) ## all tests, on their own PostgreSQL and RabbitMQ; a process a core, unless ARGS says which
	@$(BIN)/python -m pytest $(or $(ARGS),--numprocesses auto --maxprocesses 4 --dist loadfile)

.PHONY: faults
faults: $(DEVELOPMENT) ## break everything under load, then compare the books (ARGS="--seconds 600 --seed 7")
	@$(BIN)/python -m tests.faults $(ARGS)

.PHONY: simulate
simulate: $(DEVELOPMENT) ## the platform in one thread under drawn faults: SEEDS=n runs many, SEED=n shows one
	@$(BIN)/python -W ignore -m tests.simulation \
	  $(if $(SEED),--seed $(SEED),--seeds $(or $(SEEDS),1000)) $(ARGS)

.PHONY: bench
bench: $(DEVELOPMENT) ## measure speed, CPU and memory
	@$(BIN)/python -m bench $(ARGS)

##@ Change it

.PHONY: format
format: $(DEVELOPMENT) ## put code and contracts into shape
	$(BIN)/ruff check --fix
	$(BIN)/ruff format
	$(BIN)/buf format --write proto

.PHONY: generate
generate: $(DEVELOPMENT) ## write the stubs of the contracts into the SDK, and the broker's definitions
	@$(BIN)/python -m grpc_tools.protoc -Iproto \
	  --plugin=protoc-gen-mypy=$(BIN)/protoc-gen-mypy --plugin=protoc-gen-mypy_grpc=$(BIN)/protoc-gen-mypy_grpc \
	  --python_out=$(GENERATED) --grpc_python_out=$(GENERATED) \
	  --mypy_out=quiet:$(GENERATED) --mypy_grpc_out=quiet:$(GENERATED) $(PROTO)
	@$(BIN)/python -W ignore -m chassis.bus.topology > $(DEFINITIONS).new && mv $(DEFINITIONS).new $(DEFINITIONS) \
	  || { rm -f $(DEFINITIONS).new; exit 1; }

.PHONY: schemas
schemas: $(DEVELOPMENT) ## write the JSON Schemas of scenario packages, for editors
	@$(BIN)/python -m services.matters.package.schemas scenarios/schema

.PHONY: proto-release
proto-release: $(DEVELOPMENT) ## take today's contracts as the release that `make proto` compares with
	$(BIN)/buf build proto --exclude-source-info --output proto/released.binpb

LOCK = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
  --no-emit-index-url --no-header --no-emit-package duokua --group build pyproject.toml

.PHONY: lock
lock: $(BIN)/python ## pin every requirement again (LOCK_ARGS=--upgrade for newer ones)
	$(INSTALL) --quiet uv==$(UV_VERSION)
	$(LOCK) $(LOCK_ARGS) --output-file requirements.lock
	$(LOCK) $(LOCK_ARGS) --group dev --constraint requirements.lock --output-file requirements-dev.lock

.PHONY: clean
clean: ## remove what was made here; data and secrets stay
	rm -rf .venv .cache .hypothesis .ruff_cache build dist *.egg-info sdk/python/build sdk/python/src/*.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --- installation -----------------------------------------------------------------------------------------------------

$(BIN)/python:
	@test -n "$(PYTHON)" || { \
	  echo 'Duokua needs Python 3.11 or newer, and none was found. Install one, or name it: make PYTHON=/path/to/python3'; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  $(PYTHON) -c 'import sys; print("{0} cannot make virtual environments: its venv package is missing.\n" \
	    "On Debian and Ubuntu: apt-get install python{1}.{2}-venv".format(sys.executable, *sys.version_info[:2]))'; exit 1; }
	$(PYTHON) -m venv .venv

$(APPLICATION): requirements.lock pyproject.toml sdk/python/pyproject.toml | $(BIN)/python
	@echo 'Installing Duokua into .venv (done once; a minute or two)'
	@$(INSTALL) --require-hashes --requirement requirements.lock
	@$(INSTALL) --quiet --no-deps --no-build-isolation --editable sdk/python --editable .
	@touch $@

$(DEVELOPMENT): requirements-dev.lock $(APPLICATION)
	@echo 'Installing the tools of development into .venv'
	@$(INSTALL) --quiet --require-hashes --requirement requirements-dev.lock
	@touch $@
