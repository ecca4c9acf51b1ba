# Two commands do everything on a fresh machine: `make run` and `make test`.
# `make help` lists the rest.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PY := .venv/bin/python
# Where it is set to 1, every start of filterd compiles all that it loads, which takes most of a start.
export PYTHONDONTWRITEBYTECODE :=
RUST := $(shell find rust -name '*.rs' -not -path '*/target/*' 2>/dev/null) rust/Cargo.toml rust/Cargo.lock $(wildcard rust/crates/*/Cargo.toml)
PYTHON_CODE := filterd tests bench deploy
# Most tests wait for real programs, so three of them keep two cores busy. A file's stay together and
# in order: some begin where the one before has ended. Files in the order of their names: the long
# ones, end to end, come before the short ones, which fill what is left.
SIDE_BY_SIDE := -n 3 --dist loadfile --no-loadscope-reorder

.PHONY: help run test check lint types floors unit generated rust-check fuzz hammer budgets budgets-required bench bench-quick bench-feed bench-http soak http http-new http-test-all deb dashboards-look deb-lint deb-twice lock clean

help: ## list these targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

run: build/.built ## build, then the ministry's loop on loopback with what to try; Ctrl-C ends it
	@.venv/bin/filterd demo

test: ## the whole suite: what .ci/run calls
	@$(MAKE) --no-print-directory -j 3 --output-sync=target build/.tools build/.built build/.http build/.http-new \
	  lint types floors generated rust-check budgets-required fuzz SECONDS=$${FUZZ_SECONDS:-10}
	@$(PY) -m pytest $(SIDE_BY_SIDE)

check: build/.built lint types floors unit ## the quick loop: lint, types, floors, unit tests

lint: build/.built ## ruff: rules and format
	@$(PY) -m ruff check $(PYTHON_CODE)
	@$(PY) -m ruff format --check $(PYTHON_CODE)

types: build/.built ## mypy --strict, and the stub of the core against the core itself
	@$(PY) -m mypy
	@$(PY) -m mypy.stubtest filterd._core --ignore-missing-stub

floors: build/.built ## imports point down the floors
	@.venv/bin/lint-imports --no-cache

unit: build/.built ## unit, contract and oracle tests
	@$(PY) -m pytest -q $(SIDE_BY_SIDE) tests/unit tests/contract tests/oracle -m 'not real'

generated: build/.built ## generated files are not stale
	@$(PY) -m filterd.config.document --check
	@$(PY) -m filterd.metrics.document --check
	@$(PY) -m filterd.hub.document --check
	@$(PY) -m deploy.grafana.generate --check

rust-check: build/.env ## cargo fmt, clippy, cargo test
	@deploy/build/cargo.sh fmt --check
	@deploy/build/cargo.sh clippy --all-targets --locked -- -D warnings
	@deploy/build/cargo.sh test --locked --quiet

SECONDS ?= 60
fuzz: build/.env ## every fuzz target for SECONDS (60) each
	@deploy/build/fuzz.sh $(SECONDS)

budgets-required: build/.tools build/.built
	@$(PY) -m bench.budgets --required

budgets: build/.built ## instructions a query, counted by callgrind, against bench/budgets.toml
	@$(PY) -m bench.budgets

PACKETS ?= 1000000
hammer: build/.env ## PACKETS (1000000) mutated packets at live UDP threads, each reply checked
	@CARGO_PROFILE_TEST_OPT_LEVEL=2 CARGO_PROFILE_DEV_OPT_LEVEL=2 FILTERD_HAMMER_PACKETS=$(PACKETS) \
	  CARGO_TARGET_DIR=target/hammer deploy/build/cargo.sh test --locked -p filterd-net --test hammer -- --nocapture

bench: build/.built ## figures of bench/README.md, measured on this machine, in about half an hour
	@$(PY) -m bench.run

bench-quick: build/.built ## what a query costs beside an echo and two others, in three minutes
	@$(PY) -m bench.run --quick

bench-feed: build/.built ## figures of the ministry's loop, in an hour and a half
	@$(PY) -m bench.feed.run

bench-http: build/.built build/.http ## what the HTTP filter costs beside mitmproxy alone and squid, in eight minutes
	@$(PY) -m bench.http.run

MINUTES ?= 20
soak: build/.built ## a steady load and a new rule every second for MINUTES (20), with a plot
	@$(PY) -m bench.soak --minutes $(MINUTES)

http: build/.env ## the environment of the HTTP filter, .venv-http; PYTHON=python3.12 for the newest mitmproxy
	@PYTHON="$(PYTHON)" MEDIA="$(MEDIA)" deploy/build/http-environment.sh .venv-http
	@touch build/.http

http-new: build/.env ## a second one, .venv-http-new, with Python 3.12 or later: make test tries both
	@PYTHON="$(PYTHON)" deploy/build/http-environment.sh .venv-http-new
	@touch build/.http-new

http-test-all: build/.tools build/.built build/.http build/.http-new ## every test of the HTTP filter in both
	@FILTERD_HTTP_TESTS=all $(PY) -m pytest $(SIDE_BY_SIDE) tests/e2e/test_http*.py

deb: build/.built ## Debian packages of filterd and filterd-http, into dist/
	@deploy/debian/build.sh

dashboards-look: build/.tools build/.built build/.http ## the dashboards drawn from real nodes, as pictures in build/dashboards
	@FILTERD_LOOK=build/dashboards $(PY) -m pytest -q tests/e2e/test_eyes.py

deb-lint: deb ## what Debian's lintian says of both packages: no error, no warning (apt-get install lintian)
	@lintian --fail-on error,warning --tag-display-limit 0 dist/*.deb && echo "no error, no warning"

deb-twice: build/.built ## build the packages twice and compare them
	@rm -rf build/once build/twice && mkdir -p build/once build/twice
	@DIST=build/once deploy/debian/build.sh
	@DIST=build/twice deploy/debian/build.sh
	@for each in build/once/*.deb; do cmp "$$each" "build/twice/$${each##*/}"; done && echo "alike"

lock: ## write requirements/*.txt anew from pyproject.toml (needs uv)
	@deploy/build/lock.sh

clean: ## remove what was built
	@rm -rf build .venv .venv-http .venv-http-new rust/target filterd/_core*.so

build/.env: requirements/dev.txt deploy/build/environment.sh
	@deploy/build/environment.sh
	@mkdir -p build && touch $@

build/.http: build/.env requirements/http.txt requirements/http-py312.txt deploy/build/http-environment.sh
	@deploy/build/http-environment.sh .venv-http
	@touch $@

build/.http-new: build/.env requirements/http-py312.txt deploy/build/http-environment.sh
	@deploy/build/http-environment.sh .venv-http-new
	@touch $@

build/.tools: build/.env deploy/build/test-tools.sh
	@deploy/build/test-tools.sh
	@touch $@

build/.built: build/.env $(RUST) pyproject.toml
	@deploy/build/core.sh
	@touch $@
