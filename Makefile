# A new machine needs Python 3.11+, Node 20+ and make; everything else is installed here, pinned by hash.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PY := .venv/bin/python
EMULATOR := .venv/emulator
RELEASE := .venv/release
RETRY_DELAYS ?= 10,60,300
# Processes that share the tests: more than cores, because many tests wait.
WORKERS ?= 5
SHARED = --dist loadgroup --no-loadscope-reorder
NOT_SLOW = not slow and not by_hand
PYTEST = $(PY) -m pytest $(SHARED)
SYNTH = AWS_ACCESS_KEY_ID= AWS_SECRET_ACCESS_KEY= npx --no-install cdk synth --quiet
# All that is off by default, so that CDK's checks see it, too.
OPTIONAL = $(foreach on,dashboard service_level canary log_recovery,-c $(on)=on) \
  -c mail_from=webhooks@example.com -c alarm_email=ops@example.com -c api_concurrency=20
# jsii's banner, for these major versions.
export JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION := 20,21,23
export PYTHONPATH := $(CURDIR):$(CURDIR)/functions:$(CURDIR)/layers/webhooks/python
# Nothing of the developer's own machine may decide what is installed.
unexport PIP_FIND_LINKS PIP_EXTRA_INDEX_URL
# Without bytecode each process compiles what it imports: two seconds of CPU for boto3 and moto.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo test test-fast test-slow mutants bench check up down synth openapi sbom platform-key smoke lock setup

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /|/' | column -t -s '|'

demo: setup ## the whole story on this machine: deploy, register, publish, receive, fail, recover
	@$(PY) -m local demo

test: setup .venv/headless-shell.stamp ## all tests but the slow ones, some minutes
	$(PYTEST) -n $(WORKERS) -m "$(NOT_SLOW)"

test-fast: setup ## of these, the short ones of unit and integration, a minute
	$(PYTEST) -n 3 -m "$(NOT_SLOW) and not long" tests/unit tests/integration

test-slow: setup .venv/headless-shell.stamp ## the real retry schedule, faults at length
	$(PY) -m pytest -m slow -rP -n 3 $(SHARED)

mutants: setup ## changes the code and asks whether a test notices; ONLY="deliver/lanes.py …", SAMPLE=20 of each module
	@$(PY) -m tests.mutants $(ONLY) $(if $(SAMPLE),--sample $(SAMPLE))

bench: setup .venv/nginx.stamp ## speed and cost, into bench/results.md and docs/cost.md; some minutes; OF=lanes, crowd or many for another one, ARGS=--help
	$(PY) -m bench$(if $(OF),.$(OF)) $(ARGS)

check: setup ## formatting, lint, types, synth with cdk-nag (of all options, too), the API's compatibility, workflows, known vulnerabilities
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy infra local bench smoke functions/api functions/canary functions/deliver functions/fanout functions/mail layers/webhooks/python/webhooks tests
	npx --no-install eslint functions/api/portal eslint.config.mjs
	npx --no-install tsc
	$(MAKE) --no-print-directory synth
	$(SYNTH) --output .local/synth $(OPTIONAL)
	@$(PY) -m local.compatibility
	.venv/bin/zizmor --offline --no-progress --quiet .github/workflows
	@$(PY) -m local.audit

up: setup ## the local stack alone; RETRY_DELAYS=1,2,3 shortens its schedule
	@$(PY) -m local up --retry-delays $(RETRY_DELAYS)

down: setup ## stop what `make up` started
	@$(PY) -m local down

synth: setup ## the template for AWS, without an AWS account, in cdk.out
	$(SYNTH)
	@echo "cdk.out/AisouleWebhooks.template.json"

openapi: setup ## the API's specification, into docs/openapi.json
	$(PY) -m api.specification > docs/openapi.json

sbom: .venv/release.stamp ## the packages that are deployed, as CycloneDX, in .local/sbom.cdx.json
	@mkdir -p .local
	@$(RELEASE)/bin/cyclonedx-py requirements --pyproject pyproject.toml --spec-version 1.6 --output-reproducible \
	  -o .local/sbom.cdx.json layers/dependencies/requirements.txt
	@echo ".local/sbom.cdx.json"

platform-key: setup ## with AWS credentials: mint a platform key for the deployed stack; STACK=its name
	@$(PY) -m api.mint_key $(if $(STACK),--stack '$(STACK)')

smoke: setup ## with AWS credentials: a drill against the deployed stack; STACK=its name, EVENTS=1-50, API=… if it is not the output ApiUrl
	@$(PY) -m smoke $(if $(STACK),--stack '$(STACK)') $(if $(EVENTS),--events '$(EVENTS)') $(if $(API),--api '$(API)')

lock: .venv/uv.stamp ## compile the requirements again
	for r in requirements-uv layers/dependencies/requirements requirements-dev requirements-emulator requirements-release; do \
	  .venv/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header $$r.in -o $$r.txt; done

setup: .venv/dev.stamp .venv/emulator.stamp .venv/lambda.stamp node_modules/.stamp tests/e2e/clients/node_modules/.stamp

.venv/uv.stamp: requirements-uv.txt
	@echo "Setting up: the first time takes a minute or two."
	@python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed, this is $$(python3 --version)"; exit 1; }
	@python3 -m venv .venv || { echo "python3 -m venv failed: on Debian, apt-get install python3-venv"; exit 1; }
	@$(PY) -m pip install -q --disable-pip-version-check --require-hashes -r requirements-uv.txt
	@touch $@

.venv/dev.stamp: requirements-dev.txt .venv/uv.stamp
	@.venv/bin/uv pip sync -q --python $(PY) --require-hashes requirements-dev.txt requirements-uv.txt
	@touch $@

.venv/emulator.stamp: requirements-emulator.txt .venv/uv.stamp
	@.venv/bin/uv venv -q --clear --python $(PY) $(EMULATOR)
	@.venv/bin/uv pip sync -q --python $(EMULATOR)/bin/python --require-hashes requirements-emulator.txt
	@touch $@

# For releases alone: `make setup` does not need it.
.venv/release.stamp: requirements-release.txt .venv/uv.stamp
	@.venv/bin/uv venv -q --clear --python $(PY) $(RELEASE)
	@.venv/bin/uv pip sync -q --python $(RELEASE)/bin/python --require-hashes requirements-release.txt
	@touch $@

# The wheels of the layer, which are not this machine's: into uv's cache.
.venv/lambda.stamp: layers/dependencies/requirements.txt .venv/dev.stamp
	@$(PY) -m infra.wheels
	@touch $@

# Chromium's headless shell takes half of the CPU of a whole Chromium; if it cannot be had, any Chromium that is there will do.
.venv/headless-shell.stamp: .venv/dev.stamp
	@[ -n "$${CHROMIUM:-}" ] || command -v chromium-headless-shell >/dev/null || \
	  timeout 180 sh -c 'apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium-headless-shell fonts-dejavu-core' \
	    >/dev/null 2>&1 || \
	  command -v chromium chromium-browser >/dev/null || \
	  $(PY) -m playwright install --only-shell chromium >/dev/null 2>&1 || \
	  { echo "No browser could be installed: install Chromium, or name one in CHROMIUM."; exit 1; }
	@touch $@

.venv/nginx.stamp: .venv/dev.stamp
	@command -v nginx >/dev/null || [ -x /usr/sbin/nginx ] || \
	  { apt-get update -qq && apt-get install -y -qq --no-install-recommends nginx-light; } >/dev/null 2>&1 || \
	  { echo "The benchmarks need nginx as their receiver: install it."; exit 1; }
	@touch $@

node_modules/.stamp: package-lock.json
	@node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' || { echo "Node 20 or newer is needed, this is $$(node --version)"; exit 1; }
	@npm ci --silent
	@touch $@

# The generator of the TypeScript client needs another TypeScript than the page.
tests/e2e/clients/node_modules/.stamp: tests/e2e/clients/package-lock.json node_modules/.stamp
	@npm ci --silent --prefix tests/e2e/clients
	@touch $@
