# `make` alone lists the targets.

VENV := .venv
ALIBI := .venv-alibi
SITE := .venv-site
PYTHON := $(VENV)/bin/python
REQUIREMENTS := requirements/dev.txt
# One stamp for each set of requirements and place: an unchanged set is not looked at again.
STAMP := $(VENV)/installed-$(shell (pwd; cat $(REQUIREMENTS)) | cksum | cut -d ' ' -f 1)
COMPILE := $(VENV)/bin/uv pip compile --quiet --generate-hashes --universal --python-version 3.11 \
	--no-header --no-emit-index-url --no-annotate
CANDIDATES := python3 python3.13 python3.12 python3.11
USABLE := import sys, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))
KEEP ?=
ARGS ?=
WORKERS ?= 2
# Folder by folder, those whose tests wait first: the last files are short, and what a folder shares is gone after it.
PYTEST := $(PYTHON) -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder
# The tests start some thousand processes: each would compile the project's modules again.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help venv controlplane kserve crds roles sbom telemetry cli-docs chart-docs site check release fix test test-unit campaign demo lab bench requirements alibi clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

venv: $(STAMP) ## the virtual environment in .venv, from pinned requirements

$(STAMP): | $(REQUIREMENTS)
	@found=; \
	for candidate in $(CANDIDATES); do \
		if $$candidate -c '$(USABLE)' >/dev/null 2>&1; then found=$$candidate; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
		echo "Python 3.11, 3.12 or 3.13 with its venv module is needed; none of these is one: $(CANDIDATES)" >&2; \
		echo "Install one (Debian, Ubuntu: apt-get install python3 python3-venv; macOS: brew install python@3.13)" >&2; \
		exit 1; \
	fi; \
	echo "making $(VENV) with $$($$found --version): some 500 MB, once"; \
	rm -rf $(VENV); $$found -m venv $(VENV)
	$(PYTHON) -m pip install --disable-pip-version-check --require-hashes --requirement $(REQUIREMENTS)
	$(PYTHON) -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation --editable .
	@touch $@

controlplane: venv ## build etcd, kube-apiserver and kube-controller-manager (minutes, once; cached)
	$(PYTHON) -m lab.binaries

kserve: venv ## build KServe's own controller, webhooks and agent (minutes, once; cached)
	$(PYTHON) -m lab.kserve_upstream.release

crds: venv ## write crds/, docs/reference.md, the full example and the tables of docs/gates.md from operator/mlhops/{api,measures}
	$(PYTHON) -m tools.crd crds/
	$(PYTHON) -m tools.everything
	$(PYTHON) -m tools.reference docs/reference.md
	$(PYTHON) -m tools.measures_docs docs/gates.md

roles: venv ## write the roles of manifests/ and charts/ from tools/permissions.py
	$(PYTHON) -m tools.permissions

sbom: venv ## write a CycloneDX bill of materials for each image into sbom/
	$(PYTHON) -m tools.sbom sbom

telemetry: venv ## write docs/metrics.md from the metrics, and alerts and dashboard of manifests/ from those of the chart
	$(PYTHON) -m tools.metrics_docs

cli-docs: venv ## write docs/{reasons,lint,commands}.md and docs/cli.schema.json from operator/mlhops/cli
	$(PYTHON) -m tools.cli_docs

chart-docs: venv ## write docs/chart.md from the chart's values
	$(PYTHON) -m tools.chart_docs

check: venv ## lint, format, types, layers, generated files
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports
	$(PYTHON) -m tools.crd --check crds/
	$(PYTHON) -m tools.everything --check
	$(PYTHON) -m tools.reference --check docs/reference.md
	$(PYTHON) -m tools.measures_docs --check docs/gates.md
	$(PYTHON) -m tools.permissions --check
	$(PYTHON) -m tools.licences --check
	$(PYTHON) -m tools.sbom --check
	$(PYTHON) -m tools.release --check
	$(PYTHON) -m tools.metrics_docs --check
	$(PYTHON) -m tools.cli_docs --check
	$(PYTHON) -m tools.chart_docs --check

release: venv ## write VERSION into code, chart, manifests and pages (see CONTRIBUTING.md)
	$(PYTHON) -m tools.release $(VERSION)

fix: venv ## let the linter and the formatter repair what they can
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

test: venv ## all tests, two files at a time (ARGS="-k name" to choose, WORKERS=3 for more at a time)
ifeq ($(strip $(ARGS)),)
	$(PYTEST) -m "not alone" --durations 25
	$(PYTHON) -m pytest -m alone $$(grep -rl --include='test_*.py' 'mark\.alone' tests)
else
	$(PYTHON) -m pytest $(ARGS)
endif

test-unit: venv ## the tests that need no control plane, but for the thorough (ARGS="-k name" to choose)
ifeq ($(strip $(ARGS)),)
	$(PYTEST) tests/unit -m "not thorough" --durations 25
else
	$(PYTHON) -m pytest tests/unit $(ARGS)
endif

campaign: venv ## simulation, meddlers, every field, and a fault at every point of every story (ARGS="--sample 20 --seed 7" for some)
	$(PYTHON) -m campaign $(ARGS)

demo: venv ## three models through the fairness gate; KEEP=1 leaves the cluster up
	KEEP=$(KEEP) $(PYTHON) -m lab.demo

lab: venv ## the demo's cluster without its story, for docs/tutorial.md: it stays up until Ctrl-C
	$(PYTHON) -m lab.demo --stage

bench: venv ## measure, and write bench/RESULTS.md (ARGS="--only scale" for one thing)
	$(PYTHON) -m bench $(ARGS)

requirements: venv ## pin requirements/*.in again, with hashes (ARGS=--upgrade for newer versions)
	$(COMPILE) $(ARGS) requirements/dev.in --output-file requirements/dev.txt
	$(COMPILE) $(ARGS) requirements/operator.in --constraint requirements/dev.txt --output-file requirements/operator.txt
	$(COMPILE) $(ARGS) requirements/evaluator.in --constraint requirements/dev.txt --output-file requirements/evaluator.txt
	$(COMPILE) $(ARGS) requirements/detector.in --constraint requirements/dev.txt --output-file requirements/detector.txt
	$(COMPILE) $(ARGS) requirements/build.in --constraint requirements/dev.txt --output-file requirements/build.txt
	$(COMPILE) $(ARGS) requirements/cli.in --constraint requirements/dev.txt --output-file requirements/cli.txt
	$(COMPILE) $(ARGS) requirements/go.in --output-file requirements/go.txt
	$(COMPILE) $(ARGS) requirements/detector-alibi.in --output-file requirements/detector-alibi.txt
	$(COMPILE) $(ARGS) requirements/docs.in --output-file requirements/docs.txt
	$(COMPILE) $(ARGS) requirements/mlserver.in --output-file requirements/mlserver.txt
	$(COMPILE) $(ARGS) --no-deps requirements/storage.in --output-file requirements/storage.txt

site: venv ## the documentation as a site in build/site; warnings are errors, and so is a request to anybody else
	$(VENV)/bin/uv venv --quiet --clear --python $(PYTHON) $(SITE)
	$(VENV)/bin/uv pip sync --quiet --python $(SITE)/bin/python --require-hashes requirements/docs.txt
	rm -rf build/site
	$(SITE)/bin/sphinx-build --nitpicky --fail-on-warning --keep-going --quiet --jobs 2 --conf-dir docs . build/site
	$(PYTHON) -m tools.site_check build/site

alibi: venv ## ask alibi-detect again what the tests hold the drift tests against (1 GB; Python 3.11 or 3.12)
	$(PYTHON) -m venv $(ALIBI)
	$(ALIBI)/bin/python -m pip install --disable-pip-version-check --require-hashes --requirement requirements/detector-alibi.txt
	$(ALIBI)/bin/python tests/conformance/alibi.py

clean: ## remove .venv and the tools' caches; what was built for the lab stays in the user's cache
	rm -rf $(VENV) $(ALIBI) $(SITE) build/site .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
