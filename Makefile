# The commands of the project; `make` lists them. Everything made goes to target/.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# --- Settings, as in `make up TIKTOK_API_BASE_URL=http://127.0.0.1:8080/open_api/v1.3` --------------------------------
# A TikTok API to call instead of the sandbox; the consent page, the app's id and its secret that belong to it.
TIKTOK_API_BASE_URL ?=
AUTHORIZE_BASE_URL ?=
TIKTOK_APP_ID ?=
TIKTOK_APP_SECRET ?=
# Template parameters, as in PARAMETERS="LogLevel=debug Lanes=4"; for up and deploy.
PARAMETERS ?=
# The processor that make build builds for: arm64 or x86_64.
ARCH ?= arm64
# The name of the deployed stack.
STACK ?= mparticle-tiktok
# 1 lets make deploy ask nothing: what it would ask for has to be given.
YES ?=
# A directory with functions that make deploy takes instead of building them.
BUILT ?=
# The world of make chaos: its seed, a new one if there is none, and its steps of a second.
SEED ?=
STEPS ?=
# 1 checks dependencies against the advisory database as well, which comes from github.com.
ADVISORIES ?=
# How long make fuzz tries inputs on each target, in seconds; and on which, as in FUZZ_TARGETS="firehose record".
FUZZ_SECONDS ?= 30
FUZZ_TARGETS ?= $(sort $(basename $(notdir $(wildcard tests/fuzz/fuzz_targets/*.rs))))
# Firehose messages that make load sends to ingest, at least 1000: 1000000 takes ten minutes and more.
REQUESTS ?= 50000
PYTHON ?= python3

# --- Places -----------------------------------------------------------------------------------------------------------
FUNCTIONS := auth-redirect ingest uploader
CARGO_OUT := $(or $(CARGO_TARGET_DIR),target)
# Apart, so that none that was built for this machine is ever deployed.
BUNDLES := target/bundles
AWS_BUNDLES := target/aws
LOCAL := target/local
VENV := $(LOCAL)/venv
# Never the scripts beside it: their first line names the place where they were installed.
VENV_PYTHON := $(VENV)/bin/python
STACK_PY := $(VENV_PYTHON) infra/local/stack.py
DEPLOY_PY := $(VENV_PYTHON) infra/deploy/deploy.py
CARGO_DENY_VERSION := 0.20.2
# The one on the PATH, if it is of that version.
CARGO_DENY := $(or $(shell cargo-deny --version 2>/dev/null | grep -qx 'cargo-deny $(CARGO_DENY_VERSION)' && command -v cargo-deny),target/tools/bin/cargo-deny)
CARGO_MACHETE_VERSION := 0.9.1
CARGO_MACHETE := target/tools/bin/cargo-machete
CARGO_FUZZ_VERSION := 0.13.1
CARGO_FUZZ := target/tools/bin/cargo-fuzz
RUST_VERSION := $(shell sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
# Three tests a processor at a time: most of them wait for something.
TEST_THREADS := $(shell expr 3 \* $$(getconf _NPROCESSORS_ONLN))
PACKAGES := $(FUNCTIONS:%=-p %)
BOOTSTRAPS := $(FUNCTIONS:%=$(BUNDLES)/%/bootstrap)

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' Makefile

# --- On this machine --------------------------------------------------------------------------------------------------
.PHONY: demo
demo: bundles local-tools venv ## the whole story on this machine, from the consent to the members at TikTok
	@$(CARGO_OUT)/debug/demo

.PHONY: up
up: bundles $(if $(TIKTOK_API_BASE_URL),,sandbox) venv ## start the product and leave it running; see target/local/stack.json
	@$(STACK_PY) up --dir $(LOCAL) --sandbox-bin $(CARGO_OUT)/debug/sandbox \
	  $(if $(TIKTOK_API_BASE_URL),--tiktok-api-base-url '$(TIKTOK_API_BASE_URL)') \
	  $(if $(AUTHORIZE_BASE_URL),--authorize-base-url '$(AUTHORIZE_BASE_URL)') \
	  $(if $(TIKTOK_APP_ID),--app-id '$(TIKTOK_APP_ID)') \
	  $(if $(TIKTOK_APP_SECRET),--app-secret '$(TIKTOK_APP_SECRET)') \
	  $(foreach parameter,$(PARAMETERS),--parameter '$(parameter)')
	@echo "  make down stops it."

.PHONY: down
down: ## stop what make up started
	@if [ -x $(VENV_PYTHON) ]; then $(STACK_PY) down --dir $(LOCAL); else echo "Nothing was running."; fi

.PHONY: test
test: bundles venv ## every test, the end-to-end stories included
	@for folder in infra/deploy infra/local; do (cd $$folder && $(abspath $(VENV_PYTHON)) -m unittest -q) || exit 1; done
	@RUST_TEST_THREADS=$(TEST_THREADS) cargo test --workspace

.PHONY: chaos
chaos: bundles local-tools venv ## a seeded world while everything fails that can; minutes (SEED=1 STEPS=120)
	@SEED='$(SEED)' STEPS='$(STEPS)' $(CARGO_OUT)/debug/chaos

.PHONY: lint
lint: lint-venv $(CARGO_DENY) $(CARGO_MACHETE) ## formatting, clippy, docs, dependency policy, template checks
	@echo "> cargo fmt" && cargo fmt --all --check
	@echo "> cargo clippy" && cargo clippy --quiet --workspace --all-targets -- -D warnings
	@echo "> cargo doc" && RUSTDOCFLAGS="-D warnings" cargo doc --quiet --workspace --no-deps
	@echo "> cargo deny" && $(CARGO_DENY) --log-level error check --hide-inclusion-graph bans licenses sources $(if $(ADVISORIES),advisories)
	@[ -n "$(ADVISORIES)" ] || echo "  advisories not checked: they come from github.com; make lint ADVISORIES=1 does it"
	@echo "> cargo machete" && unused=$$($(CARGO_MACHETE) --with-metadata --skip-target-dir 2>&1) || { echo "$$unused"; exit 1; }
	@echo "> cfn-lint" && $(VENV_PYTHON) $(VENV)/bin/cfn-lint
	@echo "> policies" && $(VENV_PYTHON) infra/deploy/policy.py
	@echo "> ruff" && $(VENV_PYTHON) -m ruff check --quiet infra && $(VENV_PYTHON) -m ruff format --quiet --check infra

.PHONY: fuzz
fuzz: check $(CARGO_FUZZ) ## random inputs for each parser of what comes from outside (FUZZ_SECONDS=600)
	@tests/fuzz/run.sh '$(CARGO_FUZZ)' '$(FUZZ_SECONDS)' $(FUZZ_TARGETS)

.PHONY: load
load: bundles ## how much it carries, and what a backlog of ten million changes takes (REQUESTS=1000000: more messages)
	@echo "> load" && cargo build --quiet --release -p bench
	@REQUESTS='$(REQUESTS)' $(CARGO_OUT)/release/load

.PHONY: bench
bench: bundles ## CPU, cold starts, memory and sizes, beside the least possible and beside aims
	@echo "> stages" && cargo run --quiet --release -p stages
	@echo "> bench" && cargo build --quiet --release -p bench
	@$(CARGO_OUT)/release/bench

# The command of the operator's tool, as in ARGS="--stack target/local/stack.json status".
ARGS ?= --help
.PHONY: operator
operator: check ## the operator's tool (ARGS="--stack target/local/stack.json status", or --stack-name NAME)
	@cargo run --quiet -p operator -- $(ARGS)

.PHONY: clean
clean: down ## remove everything made
	@cargo clean --quiet
	@rm -rf target

# --- On AWS -----------------------------------------------------------------------------------------------------------
DEPLOY_OPTIONS = --stack '$(STACK)' --parameter 'Architecture=$(ARCH)' \
  $(if $(TIKTOK_APP_ID),--parameter 'TikTokAppId=$(TIKTOK_APP_ID)') \
  $(foreach parameter,$(PARAMETERS),--parameter '$(parameter)') \
  $(if $(BUILT),--bundles '$(BUILT)') $(if $(YES),--yes)

.PHONY: doctor
doctor: venv ## whether make deploy can succeed: tools, account, parameters
	@$(DEPLOY_PY) doctor $(DEPLOY_OPTIONS)

.PHONY: build
build: check ## release bundles for AWS (ARCH=arm64 or x86_64), in target/aws
	@cargo lambda --version >/dev/null 2>&1 || \
	  { printf 'Missing:\n  cargo-lambda\n    pip install cargo-lambda, which brings the cross compiler\n' >&2; exit 1; }
	@cargo lambda build --release --$(subst _,-,$(ARCH)) $(PACKAGES) --lambda-dir $(AWS_BUNDLES)
	@infra/local/check_glibc.sh $(FUNCTIONS:%=$(AWS_BUNDLES)/%/bootstrap)

.PHONY: deploy
deploy: venv ## build, and deploy to the AWS account in use; asks for what is missing (YES=1: never)
	@$(DEPLOY_PY) deploy $(DEPLOY_OPTIONS)

.PHONY: registration
registration: venv ## what to mail to mParticle: the registration of the deployed stack, and where it is
	@$(DEPLOY_PY) registration --stack '$(STACK)'

# --- Parts of the above -----------------------------------------------------------------------------------------------
.PHONY: check
check:
	@infra/local/prerequisites.sh '$(PYTHON)' '$(RUST_VERSION)'

.PHONY: bundles
bundles: check
	@echo "> functions" && cargo build --quiet --release $(PACKAGES)
	@for name in $(FUNCTIONS); do \
	  mkdir -p $(BUNDLES)/$$name; \
	  cmp -s $(CARGO_OUT)/release/$$name $(BUNDLES)/$$name/bootstrap || \
	    { rm -f $(BUNDLES)/$$name/bootstrap && cp $(CARGO_OUT)/release/$$name $(BUNDLES)/$$name/bootstrap; } || exit 1; \
	done
	@infra/local/check_glibc.sh $(BOOTSTRAPS)

.PHONY: sandbox
sandbox: check
	@echo "> sandbox" && cargo build --quiet -p sandbox

.PHONY: local-tools
local-tools: check
	@echo "> sandbox, harness" && cargo build --quiet -p sandbox -p e2e

.PHONY: venv
venv: check $(VENV)/installed

.PHONY: lint-venv
lint-venv: venv $(VENV)/lint-installed

$(VENV)/installed: infra/local/requirements.txt
	@echo "> local cloud" && rm -rf $(VENV) && $(PYTHON) -m venv $(VENV)
	@$(VENV_PYTHON) -m pip install --quiet --no-deps --requirement $<
	@touch $@

$(VENV)/lint-installed: infra/local/requirements-lint.txt $(VENV)/installed
	@echo "> linters" && $(VENV_PYTHON) -m pip install --quiet --requirement $<
	@touch $@

$(CARGO_MACHETE):
	@echo "> cargo-machete, which takes a minute" && \
	  cargo install --quiet --locked cargo-machete@$(CARGO_MACHETE_VERSION) --root target/tools

$(CARGO_FUZZ):
	@echo "> cargo-fuzz, which takes a minute" && \
	  cargo install --quiet --locked cargo-fuzz@$(CARGO_FUZZ_VERSION) --root target/tools

$(CARGO_DENY):
	@echo "> cargo-deny, which takes some minutes" && \
	  cargo install --quiet --locked cargo-deny@$(CARGO_DENY_VERSION) --root target/tools
