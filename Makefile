# `make demo` and `make test` need Python >= 3.10, make and a package index. Everything they write is in .venv/ and build/.

# The first Python that really runs: a version manager's shim may exist and still refuse.
ifndef PYTHON
PYTHON := $(shell for python in python3.12 python3.11 python3.13 python3.10 python3 python3.14; do \
	"$$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))' >/dev/null 2>&1 && echo "$$python" && break; done)
endif
ifeq ($(strip $(PYTHON)),)
$(error No Python >= 3.10 with the venv module was found; install one or name it: make PYTHON=/path/to/python $(MAKECMDGOALS))
endif

# `make pytest AIRFLOW=2.11` runs the tests on the oldest Airflow that is supported, AIRFLOW=3.1 and 3.2 on those between, 3.1 with SQLAlchemy 2.0.
AIRFLOW ?= 3.3
VENV := $(if $(filter 3.3,$(AIRFLOW)),.venv,build/venv-$(AIRFLOW))
BIN := $(VENV)/bin
fingerprint = $(firstword $(shell cat requirements/$(1).txt pyproject.toml 2>/dev/null | cksum))
BENCH_READY := build/venv-bench/bench-$(call fingerprint,bench)
DEMO_READY := $(VENV)/demo-$(call fingerprint,demo)
TEST_READY := $(VENV)/test-$(call fingerprint,test-$(AIRFLOW))
PIP_INSTALL := $(BIN)/python -m pip --disable-pip-version-check install -qq
# --no-compile: Python compiles the few modules that are used, in less time than pip would all of them.
LOCKED := --require-hashes --no-deps --no-compile
THIS := --no-deps --no-build-isolation --editable .

# `make test SLOW=1` runs the slow suites too; `make test TESTS=tests/engine` only some.
TESTS ?= tests
SELECTED := $(if $(SLOW),,-m "not slow")
# What `make test` does on Airflow 2.11; `make test OLDER=` leaves it out.
OLDER ?= older
# Where `make up` listens.
PORT ?= 8080
# More than there are processors on a small machine: most tests wait for a server half of their time.
AT_ONCE ?= 3
UV := build/uv/bin/uv
COMPILE := $(UV) pip compile --quiet --universal --python-version 3.10 --generate-hashes --no-annotate --no-emit-index-url \
	--no-emit-find-links --custom-compile-command "make lock"

.PHONY: help demo up test environment lint style types imports docs format older pytest bench lock changelog wheel clean

help: ## what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(DEMO_READY) ## collect a month of three taxpayers through Airflow from a simulated vendor into SQLite
	@$(BIN)/python demo/run.py

up: $(if $(filter 3.3,$(AIRFLOW)),$(DEMO_READY),$(TEST_READY)) ## Airflow to click through, with simulated vendors, until Ctrl-C (PORT=8080)
	@$(BIN)/python demo/up.py --port $(PORT)

test: lint docs $(if $(filter tests,$(TESTS)),$(OLDER)) pytest ## everything: style, types, import rules, the documents, tests (SLOW=1: the slow ones too)

older: ## the Airflow face on Airflow 2.11, in an environment made on demand
	@if $(PYTHON) -c 'import sys; sys.exit(sys.version_info >= (3, 13))'; \
	then $(MAKE) --no-print-directory pytest AIRFLOW=2.11 SLOW= TESTS=tests/airflow_face; \
	else echo "Airflow 2.11 runs on Python 3.10 to 3.12; its tests are left out (PYTHON=python3.12 names another Python)."; fi

environment: $(TEST_READY) ## the environment of the tests alone

lint: style types imports ## style, types and import rules

style: $(TEST_READY)
	$(BIN)/ruff check --quiet --output-format concise .
	$(BIN)/ruff format --check .

types: $(TEST_READY)
	$(BIN)/mypy

imports: $(TEST_READY)
	$(BIN)/lint-imports

docs: $(TEST_READY) ## the documents as a site, in build/site; a link that leads nowhere is an error
	$(BIN)/python docs/site/build.py

pytest: $(TEST_READY) ## the tests alone (TESTS=path narrows)
	$(BIN)/pytest --numprocesses=$(AT_ONCE) --dist=worksteal $(SELECTED) $(PYTEST_ARGS) $(TESTS)

format: $(TEST_READY) ## put the sources into form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(TEST_READY) $(BENCH_READY) ## invoices per second beside a loop written by hand and dlt (FAPIAO_TEST_POSTGRES_URL names the server)
	$(BIN)/python tests/benchmarks/bench_collect.py --memory
	$(BIN)/python tests/benchmarks/bench_load.py
	$(BIN)/python tests/benchmarks/bench_normalize.py

wheel: $(TEST_READY) ## build/dist/*.whl
	$(BIN)/python -m pip --disable-pip-version-check wheel --quiet --no-deps --no-build-isolation --wheel-dir build/dist .

lock: $(UV) ## resolve the requirements anew
	$(COMPILE) $(UPGRADE) pyproject.toml requirements/airflow-3.3.in --extra postgres --extra mysql --group build --group test -o requirements/test-3.3.txt
	$(COMPILE) $(UPGRADE) pyproject.toml requirements/airflow-3.1.in --extra postgres --extra mysql --group build --group test -o requirements/test-3.1.txt
	$(COMPILE) $(UPGRADE) pyproject.toml requirements/airflow-3.2.in --extra postgres --extra mysql --group build --group test -o requirements/test-3.2.txt
	$(COMPILE) $(UPGRADE) pyproject.toml requirements/airflow-2.11.in --extra postgres --extra mysql --group build --group test -o requirements/test-2.11.txt
	$(COMPILE) pyproject.toml requirements/airflow-3.3.in --group build --constraint requirements/test-3.3.txt -o requirements/demo.txt
	$(COMPILE) $(UPGRADE) requirements/bench.in -o requirements/bench.txt

changelog: $(TEST_READY) ## what the fragments in changes/ come to (VERSION=x.y.z writes it into CHANGELOG.md)
	$(BIN)/towncrier build $(if $(VERSION),--version $(VERSION) --yes,--version unreleased --draft)

clean: ## remove all that was made
	rm -rf $(VENV) build .hypothesis .ruff_cache .import_linter_cache

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(DEMO_READY): | $(BIN)/python
	@echo "Installing Airflow and the provider into $(VENV) (locked) …"
	@$(PIP_INSTALL) $(LOCKED) --requirement requirements/demo.txt
	@$(PIP_INSTALL) $(THIS)
	@rm -f $(VENV)/demo-*
	@touch $@

# The rival of the benchmarks has requirements of its own, which are none of this project's.
$(BENCH_READY):
	@echo "Installing dlt into build/venv-bench (locked) …"
	@$(PYTHON) -m venv build/venv-bench
	@build/venv-bench/bin/python -m pip --disable-pip-version-check install -qq $(LOCKED) --requirement requirements/bench.txt
	@rm -f build/venv-bench/bench-*
	@touch $@

$(TEST_READY): | $(BIN)/python
	@echo "Installing Airflow, the provider and the test tools into $(VENV) (locked) …"
	@$(PIP_INSTALL) $(LOCKED) --requirement requirements/test-$(AIRFLOW).txt
	@$(PIP_INSTALL) $(THIS)
	@rm -f $(VENV)/test-*
	@touch $@

$(UV):
	$(PYTHON) -m venv build/uv
	build/uv/bin/python -m pip --disable-pip-version-check install -qq uv
